import { once } from "node:events";
import type { Socket } from "node:net";
import { type ClientOptions, WebSocket } from "ws";
import { TreeAssembler } from "../../src/client/trees.js";
import {
  DELTA_SUBPROTOCOL,
  type DeltaServerMessage,
  deltaServerMessageSchema,
  type RepositoryChange,
  type ServerMessage,
  serverMessageSchema,
} from "../../src/protocol/index.js";
import type { Cleanup } from "./temp.js";
import { until } from "./until.js";

export type Changes = Extract<ServerMessage, { type: "changes" }>;

/** A refused upgrade. */
export interface RefusedUpgrade {
  status: number;
  body: unknown;
  headers: Record<string, unknown>;
}

/** `token` travels in a header; the rest is `ws`'s. */
export type OpenOptions = ClientOptions & { token?: string };

/** Begins to open a WebSocket that ends with the test. @param url `http:` or `ws:` */
function connect(t: Cleanup, url: string, { token, ...options }: OpenOptions = {}, protocol?: string): WebSocket {
  const headers = { ...options.headers, ...(token !== undefined && { "coder-session-token": token }) };
  const socket = new WebSocket(url.replace(/^http/, "ws"), protocol, { ...options, headers });
  t.teardown(() => socket.terminate());
  return socket;
}

/** One socket of a relay, by hand: what came is for those who extend it. */
export abstract class TestSocket {
  readonly socket: WebSocket;
  #stream: Socket | undefined;
  /** The code with which it was closed, by whomever. */
  closeCode: number | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.once("upgrade", (response) => {
      this.#stream = response.socket;
    });
    socket.on("message", (data, isBinary) => {
      if (isBinary) throw new Error("a binary frame");
      this.receive(String(data));
    });
    socket.on("close", (code) => {
      this.closeCode = code;
    });
    socket.on("error", () => undefined); // the tests end relays and cut connections
  }

  /** How many bytes have come on the connection: a frame of many megabytes takes a busy machine any time. */
  bytesRead(): number {
    return this.#stream?.bytesRead ?? 0;
  }

  protected abstract receive(text: string): void;

  send(text: string): void {
    this.socket.send(text);
  }

  /** @param id what the answer names */
  refresh(id?: string): void {
    this.send(JSON.stringify({ type: "refresh", id }));
  }

  close(): void {
    this.socket.close();
  }

  /** Waits for the end. @returns its code */
  closed(): Promise<number> {
    return until("the client's socket is closed", () => this.closeCode);
  }
}

/** A client of the git stream that keeps its map as docs/protocol.md says: replaced by root, deleted on `removed`. */
export class WatchClient extends TestSocket {
  readonly messages: ServerMessage[] = [];
  /** The repositories as this client would show them, by root. */
  readonly repositories = new Map<string, RepositoryChange>();

  /** Opens a watch socket. @throws when the upgrade is refused */
  static async open(t: Cleanup, url: string, options?: OpenOptions): Promise<WatchClient> {
    const client = new WatchClient(connect(t, url, options)); // listens before the first frame can come
    await once(client.socket, "open");
    return client;
  }

  /** Tries once. @returns the client, or what the relay answered instead */
  static async attempt(t: Cleanup, url: string, options?: OpenOptions): Promise<WatchClient | RefusedUpgrade> {
    const client = new WatchClient(connect(t, url, options));
    const refused = refusal(client.socket);
    refused.catch(() => undefined); // without an answer, `open` never comes either
    return Promise.race([once(client.socket, "open").then(() => client), refused]);
  }

  /**
   * Opens a chat's stream, waiting for the relay and the agent if need be, and for the first frame.
   *
   * @param url the relay's
   */
  static async watch(t: Cleanup, url: string, chat: string, token: string): Promise<WatchClient> {
    let last: RefusedUpgrade | undefined;
    const client = await until(
      "the stream is open",
      async () => {
        const answer = await WatchClient.attempt(t, `${url}/api/v2/chats/${chat}/git/watch`, { token }).catch(
          () => undefined,
        );
        if (answer instanceof WatchClient) return answer;
        last = answer;
        return undefined;
      },
      { seen: () => last, deadlineMs: 20_000 },
    );
    await client.first();
    return client;
  }

  get changes(): Changes[] {
    return this.messages.filter((message) => message.type === "changes");
  }

  get errors(): string[] {
    return this.messages.flatMap((message) => (message.type === "error" ? [message.message] : []));
  }

  /** The first frame of all, which names every repository. */
  first(): Promise<Changes> {
    return this.changesFrame(1);
  }

  /** The `count`-th `changes` frame. */
  changesFrame(count: number): Promise<Changes> {
    return until(`changes frame ${count}`, () => this.changes[count - 1], { seen: () => this.messages });
  }

  /** The diff that the client has of a root, once it holds `text`. */
  diffWith(root: string, text: string): Promise<string> {
    const diff = () => this.repositories.get(root)?.unified_diff;
    return until(`a diff of ${root} with ${text}`, () => (diff()?.includes(text) ? diff() : undefined), {
      progress: () => this.bytesRead(),
      seen: () => this.messages,
    });
  }

  /** Waits until a repository is shown in a way that `matches`; `undefined` stands for "not shown". */
  async shows(root: string, what: string, matches: (change: RepositoryChange | undefined) => boolean): Promise<true> {
    return until(`${root} ${what}`, () => matches(this.repositories.get(root)) || undefined, {
      seen: () => this.messages.slice(-3),
    });
  }

  /** Waits until a repository's diff is this text. */
  showsDiff(root: string, text: string): Promise<true> {
    return this.shows(root, `shows ${JSON.stringify(text)}`, (change) => change?.unified_diff === text);
  }

  error(match: RegExp): Promise<string> {
    return until(`an error like ${match}`, () => this.errors.find((message) => match.test(message)), {
      seen: () => this.messages,
    });
  }

  protected receive(text: string): void {
    const message = serverMessageSchema.parse(JSON.parse(text));
    this.messages.push(message);
    if (message.type !== "changes") return;
    for (const change of message.repositories ?? []) {
      if (change.removed) this.repositories.delete(change.repo_root);
      else this.repositories.set(change.repo_root, change);
    }
  }
}

/** A client of the delta stream; it asks for a whole tree when it lacks a base. */
export class DeltaClient extends TestSocket {
  readonly messages: DeltaServerMessage[] = [];
  /** How many characters each message had. */
  readonly sizes: number[] = [];
  /** The trees that the client has. */
  readonly assembler = new TreeAssembler();

  static async open(t: Cleanup, url: string, options?: OpenOptions): Promise<DeltaClient> {
    const client = new DeltaClient(connect(t, url, options, DELTA_SUBPROTOCOL));
    await once(client.socket, "open");
    return client;
  }

  resync(root: string): void {
    this.send(JSON.stringify({ type: "resync", root }));
  }

  protected receive(text: string): void {
    this.sizes.push(text.length);
    const message = deltaServerMessageSchema.parse(JSON.parse(text));
    this.messages.push(message);
    const outcome = this.assembler.apply(message);
    if (outcome.kind === "gap") this.resync(outcome.root);
  }
}

/** A client of either stream that counts what comes, and keeps none of it but the last. */
export class CountingClient extends TestSocket {
  /** By type; errors by `error: ` and their message. */
  readonly counts = new Map<string, number>();
  /** How many refreshes were answered by their names. */
  named = 0;
  last = "";

  /** @param options `isDelta`: the client speaks `treewire.delta.v1` */
  static async open(t: Cleanup, url: string, options: OpenOptions & { isDelta: boolean }): Promise<CountingClient> {
    const { isDelta, ...rest } = options;
    const client = new CountingClient(connect(t, url, rest, isDelta ? DELTA_SUBPROTOCOL : undefined));
    await once(client.socket, "open");
    return client;
  }

  count(kind: string): number {
    return this.counts.get(kind) ?? 0;
  }

  protected receive(text: string): void {
    this.last = text;
    const message = JSON.parse(text);
    this.named += message.answers?.length ?? 0;
    const kind = message.type === "error" ? `error: ${message.message}` : message.type;
    this.counts.set(kind, this.count(kind) + 1);
  }
}

/** Asks for an upgrade that must be refused. */
export async function refusedUpgrade(t: Cleanup, url: string, options?: OpenOptions): Promise<RefusedUpgrade> {
  const socket = connect(t, url, options);
  const refused = await Promise.race([refusal(socket), once(socket, "open")]);
  if (Array.isArray(refused)) throw new Error(`${url} was upgraded`);
  return refused;
}

/** Waits for an answer that is no upgrade. Rejects when there is none at all. */
function refusal(socket: WebSocket): Promise<RefusedUpgrade> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("unexpected-response", async (_request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: JSON.parse(Buffer.concat(chunks).toString()),
      });
    });
  });
}
