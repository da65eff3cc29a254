import { WebSocket } from "ws";
import { serverMessageSchema } from "../../src/protocol/index.js";

/** How soon it comes back. How long clients wait is not what is tested here. Milliseconds. */
const RETURN_MS = 50;

/** A watch client that comes back whenever it is cut off, and keeps its map across connections as docs/protocol.md says. */
export class ReturningClient {
  /** The diff of each repository that it shows, by root. */
  readonly diffs = new Map<string, string>();
  /** How often it was let in. */
  connections = 0;
  /** What came that docs/protocol.md does not have. */
  readonly nonsense: string[] = [];
  readonly #url: string;
  readonly #token: string;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** @param url the watch URL, `ws:` */
  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
    this.#connect();
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, { headers: { "Coder-Session-Token": this.#token } });
    this.#socket = socket;
    socket.on("open", () => {
      this.connections += 1;
    });
    socket.on("message", (data) => this.#receive(String(data)));
    socket.on("error", () => undefined); // the relay is down, or its agent: `close` follows
    socket.on("close", () => {
      if (!this.#ended) this.#timer = setTimeout(() => this.#connect(), RETURN_MS);
    });
  }

  #receive(text: string): void {
    const message = serverMessageSchema.safeParse(JSON.parse(text));
    if (!message.success) this.nonsense.push(text);
    if (message.data?.type !== "changes") return;
    for (const { repo_root, removed, unified_diff } of message.data.repositories ?? []) {
      if (removed) this.diffs.delete(repo_root);
      else this.diffs.set(repo_root, unified_diff);
    }
  }
}
