import { once } from "node:events";
import { WebSocket } from "ws";
import { z } from "zod";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";

/** What Go's `uuid.UUID` takes of JSON. */
const uuid = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i);
/** What Go's `time.Time` takes: RFC 3339, with an offset. */
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
const int32 = z
  .int()
  .min(-(2 ** 31))
  .max(2 ** 31 - 1);

const diffStatus = z.looseObject({
  chat_id: uuid,
  url: z.string().nullish(),
  pull_request_state: z.string().nullish(),
  pull_request_title: z.string(),
  pull_request_draft: z.boolean(),
  changes_requested: z.boolean(),
  additions: int32,
  deletions: int32,
  changed_files: int32,
  refreshed_at: time.nullish(),
  stale_at: time.nullish(),
});

/** A chat, as Coder's SDK reads it: what has no `omitempty` there has to be here, and what is parsed there has to parse. */
const chatSchema = z.looseObject({
  id: uuid,
  organization_id: uuid,
  owner_id: uuid,
  owner_username: z.string().optional(),
  owner_name: z.string().optional(),
  workspace_id: uuid.nullish(),
  build_id: uuid.nullish(),
  agent_id: uuid.nullish(),
  parent_chat_id: uuid.nullish(),
  root_chat_id: uuid.nullish(),
  last_model_config_id: uuid,
  title: z.string(),
  status: z.enum(["waiting", "pending", "running", "paused", "completed", "error"]),
  last_turn_summary: z.string().nullable(),
  summary: z.string().nullable(),
  diff_status: diffStatus.nullish(),
  diff_statuses: z.array(diffStatus).optional(),
  created_at: time,
  updated_at: time,
  archived: z.boolean(),
  shared: z.boolean(),
  pin_order: int32,
  mcp_server_ids: z.array(uuid),
  labels: z.record(z.string(), z.string()),
  has_unread: z.boolean(),
  client_type: z.enum(["ui", "api"]),
  children: z.array(z.unknown()),
});
export type CoderChat = z.infer<typeof chatSchema>;

const errorSchema = z.looseObject({
  message: z.string(),
  detail: z.string().optional(),
  validations: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
});

const kinds = ["status_change", "title_change", "created", "deleted", "diff_status_change"] as const;
const eventSchema = z.looseObject({ kind: z.enum(kinds), chat: chatSchema });
/** The same in an earlier release: in an envelope. */
const enveloped = z.looseObject({ type: z.literal("data"), data: eventSchema });
export type CoderEvent = z.infer<typeof eventSchema>;

/** An answer that is no success, as the SDK has it. */
export class CoderError extends Error {
  readonly status: number;
  readonly body: z.infer<typeof errorSchema>;

  constructor(status: number, body: unknown) {
    const read = errorSchema.parse(body);
    super(`${status} ${read.message}`);
    this.status = status;
    this.body = read;
  }
}

/** What Coder's SDK asks a server for, parsed as strictly. */
export class CoderClient {
  readonly #t: Cleanup;
  readonly #base: string;
  readonly #headers: Record<string, string>;

  /** @param prefix of the release that it is of */
  constructor(t: Cleanup, url: string, token: string, prefix = "/api/v2") {
    this.#t = t;
    this.#base = `${url}${prefix}/chats`;
    this.#headers = { "coder-session-token": token };
  }

  async chat(id: string): Promise<CoderChat> {
    return chatSchema.parse(await this.#call("GET", `/${id}`, 200));
  }

  async chats(query = ""): Promise<CoderChat[]> {
    return z.array(chatSchema).parse(await this.#call("GET", query, 200));
  }

  async update(id: string, change: object): Promise<void> {
    await this.#call("PATCH", `/${id}`, 204, change);
  }

  /** Chat events, from the moment on at which the socket is open. */
  async watch(): Promise<CoderEvents> {
    const socket = new WebSocket(`${this.#base.replace(/^http/, "ws")}/watch`, { headers: this.#headers });
    this.#t.teardown(() => socket.terminate());
    const events = new CoderEvents(socket);
    await once(socket, "open");
    return events;
  }

  async #call(method: string, path: string, status: number, body?: object): Promise<unknown> {
    const response = await fetch(this.#base + path, {
      method,
      headers: { ...this.#headers, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const read: unknown = text === "" ? undefined : JSON.parse(text);
    if (response.status !== status) throw new CoderError(response.status, read);
    return read;
  }
}

/** The events that have come over one socket, each read by both generations of clients. */
export class CoderEvents {
  readonly received: CoderEvent[] = [];
  readonly failures: unknown[] = [];
  closeCode: number | undefined;
  readonly socket: WebSocket;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      try {
        const message: unknown = JSON.parse(String(data));
        const event = eventSchema.parse(message);
        if (JSON.stringify(enveloped.parse(message).data) !== JSON.stringify({ kind: event.kind, chat: event.chat })) {
          throw new Error("the envelope holds another event");
        }
        this.received.push(event);
      } catch (thrown) {
        this.failures.push(thrown);
      }
    });
    socket.on("close", (code) => {
      this.closeCode = code;
    });
    socket.on("error", () => undefined);
  }

  /** Waits for an event. @throws when one has come that a client could not read */
  async next(what: string, is: (event: CoderEvent) => boolean): Promise<CoderEvent> {
    const event = await until(what, () => this.received.find(is) ?? this.failures[0], {
      seen: () => [this.received, this.failures],
    });
    if (this.failures.length > 0) throw this.failures[0];
    return event as CoderEvent;
  }

  closed(): Promise<number> {
    return until("the events' socket is closed", () => this.closeCode);
  }
}
