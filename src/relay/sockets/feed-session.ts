import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { CLOSE } from "../../protocol/index.js";
import type { Client } from "../access/index.js";
import type { ClientRate } from "../budgets/client-rates.js";
import type { ChatEventKind, ChatFeed, ChatListener } from "../chats/index.js";
import type { Failures } from "../failures.js";
import type { LimitOptions } from "../limit-options.js";
import type { Metrics } from "../metrics.js";
import type { Chat } from "../store/index.js";
import { closeSocket } from "./close-socket.js";
import { Heartbeat } from "./heartbeat.js";
import type { LiveClient } from "./live-sockets.js";
import { Throttle } from "./throttle.js";

export interface FeedSessionOptions {
  /** What the client sees. Closed with the socket. */
  feed: ChatFeed;
  client: Client;
  /** What the socket writes to. */
  stream: Duplex;
  /** What all sockets of the client's token have left to send. */
  rate: ClientRate;
  limits: Pick<LimitOptions, "messagesPerSecond" | "pingIntervalMs">;
  failures: Failures;
  metrics: Metrics;
  /** Called when the socket is closed, by whomever. */
  ended: () => void;
}

/**
 * One open socket of chat events. One message is under way to the client at a time; what happens meanwhile waits as which
 * chat and what of it, and is told as it is by then.
 */
export class FeedSession implements LiveClient, ChatListener {
  readonly client: Client;
  readonly #socket: WebSocket;
  readonly #failures: Failures;
  readonly #feed: ChatFeed;
  /** What has become of each chat, in order, and what is gone as it was. */
  readonly #due = new Map<string, { kinds: Set<ChatEventKind>; gone: Chat | undefined }>();
  #isSending = false;

  constructor(socket: WebSocket, { feed, client, stream, rate, limits, failures, metrics, ended }: FeedSessionOptions) {
    this.client = client;
    this.#socket = socket;
    this.#failures = failures;
    this.#feed = feed;
    const throttle = new Throttle({ socket, stream }, limits.messagesPerSecond, rate, limits.pingIntervalMs / 2);
    // a client has nothing to say here; what it says all the same costs it
    socket.on("message", (data: Buffer) => {
      if (throttle.message(data.length)) metrics.dropped("rate_limited");
    });
    socket.on("error", () => undefined); // its `close` follows
    new Heartbeat(socket, stream, limits.pingIntervalMs, (end) => {
      if (end === "timeout") metrics.dropped("no_pong");
      this.#feed.close();
      ended();
    });
    feed.listen(this);
  }

  changed(id: string, kind: ChatEventKind, gone?: Chat): void {
    const due = this.#due.get(id) ?? { kinds: new Set(), gone: undefined };
    if (kind === "deleted") due.kinds.clear(); // what it was before is of no use any more
    due.kinds.add(kind);
    due.gone = gone;
    this.#due.set(id, due);
    this.#next();
  }

  close(reason: keyof typeof CLOSE, text: string): void {
    this.#feed.close();
    closeSocket(this.#socket, reason, { text });
  }

  #next(): void {
    try {
      while (!this.#isSending && this.#socket.readyState === WebSocket.OPEN) {
        const message = this.#take();
        if (message === undefined) return;
        if (message === "") continue;
        this.#isSending = true;
        this.#socket.send(message, () => {
          this.#isSending = false;
          this.#next();
        });
      }
    } catch (thrown) {
      this.#failures.note(thrown, "a chat could not be told of");
      this.close("internalError", "the relay has failed; come back");
    }
  }

  /** @returns "" for what is of no use any more, `undefined` when nothing is due */
  #take(): string | undefined {
    const [first] = this.#due;
    if (first === undefined) return undefined;
    const [id, { kinds, gone }] = first;
    const [kind] = kinds;
    if (kind === undefined) {
      this.#due.delete(id);
      return "";
    }
    kinds.delete(kind);
    return this.#feed.message(id, kind, gone) ?? "";
  }
}
