import { once } from "node:events";
import type { Socket } from "node:net";
import { type ClientOptions, WebSocket } from "ws";
import { type RepositoryChange, type ServerMessage, serverMessageSchema } from "../../../src/protocol/index.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";

export type Changes = Extract<ServerMessage, { type: "changes" }>;

/** A refused upgrade. */
export interface RefusedUpgrade {
  status: number;
  body: unknown;
  headers: Record<string, unknown>;
}

/** How many bytes have come on a client's connection: a frame of many megabytes takes a busy machine any time. */
export function bytesReadBy(socket: WebSocket): () => number {
  let stream: Socket | undefined;
  socket.once("upgrade", (response) => {
    stream = response.socket;
  });
  return () => stream?.bytesRead ?? 0;
}

/** A watch client that keeps its map as docs/protocol.md says: replaced by root, deleted on `removed`. */
export class TestClient {
  readonly frames: ServerMessage[] = [];
  readonly repositories = new Map<string, RepositoryChange>();
  closeCode: number | undefined;
  readonly socket: WebSocket;
  readonly #bytesRead: () => number;

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.#bytesRead = bytesReadBy(socket);
    socket.on("message", (data, isBinary) => {
      if (isBinary) throw new Error("a binary frame");
      const message = serverMessageSchema.parse(JSON.parse(String(data)));
      this.frames.push(message);
      if (message.type !== "changes") return;
      for (const change of message.repositories ?? []) {
        if (change.removed) this.repositories.delete(change.repo_root);
        else this.repositories.set(change.repo_root, change);
      }
    });
    socket.on("close", (code) => {
      this.closeCode = code;
    });
    socket.on("error", () => undefined);
  }

  /** Opens a watch socket. @throws when the upgrade is refused */
  static async open(t: Cleanup, url: string, options: ClientOptions = {}): Promise<TestClient> {
    const socket = new WebSocket(url.replace(/^http/, "ws"), options);
    t.teardown(() => socket.terminate());
    const client = new TestClient(socket); // listens before the first frame can come
    await once(socket, "open");
    return client;
  }

  get changes(): Changes[] {
    return this.frames.filter((frame) => frame.type === "changes");
  }

  get errors(): string[] {
    return this.frames.flatMap((frame) => (frame.type === "error" ? [frame.message] : []));
  }

  refresh(): void {
    this.socket.send('{"type":"refresh"}');
  }

  /** The first frame of all, which names every repository. */
  first(): Promise<Changes> {
    return this.changesFrame(1);
  }

  /** The `count`-th `changes` frame. */
  changesFrame(count: number): Promise<Changes> {
    return until(`changes frame ${count}`, () => this.changes[count - 1], { seen: () => this.frames });
  }

  /** The diff that the client has of a root, once it holds `text`. */
  diffWith(root: string, text: string): Promise<string> {
    const diff = () => this.repositories.get(root)?.unified_diff;
    return until(`a diff of ${root} with ${text}`, () => (diff()?.includes(text) ? diff() : undefined), {
      progress: this.#bytesRead,
      seen: () => this.frames,
    });
  }

  error(match: RegExp): Promise<string> {
    return until(`an error like ${match}`, () => this.errors.find((message) => match.test(message)), {
      seen: () => this.frames,
    });
  }

  closed(): Promise<number> {
    return until("the client's socket is closed", () => this.closeCode);
  }
}

/** Asks for an upgrade that must be refused. */
export async function refusedUpgrade(t: Cleanup, url: string, options: ClientOptions = {}): Promise<RefusedUpgrade> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), options);
  t.teardown(() => socket.terminate());
  socket.on("error", () => undefined);
  const [, response] = await once(socket, "unexpected-response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return {
    status: response.statusCode,
    headers: response.headers,
    body: JSON.parse(Buffer.concat(chunks).toString()),
  };
}
