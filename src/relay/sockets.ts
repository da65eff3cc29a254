import type { WebSocket } from "ws";
import { CLOSE } from "../protocol/index.js";

/** How a socket came to its end. */
export type SocketEnd = "closed" | "timeout";

/** Compression without context takeover: a socket keeps no window of its own between frames (docs/protocol.md). */
export const PER_MESSAGE_DEFLATE = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 1024,
  concurrencyLimit: 4,
  zlibDeflateOptions: { level: 3 },
};

/** How long a peer has to answer a close frame before its socket is destroyed, in milliseconds. */
const CLOSE_GRACE_MS = 2_000;

/**
 * Pings now and then, and ends a peer that has not answered the last one. A peer to which a frame is on its way may be slow
 * and not dead (the ping waits behind the frame): it gets {@link SLOW_PEER_MS}.
 */
export class Heartbeat {
  #answered = true;
  #unansweredSince = 0;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param intervalMs between two pings, in milliseconds
   * @param ended called once, with why, when the socket is closed
   */
  constructor(socket: WebSocket, intervalMs: number, ended: (end: SocketEnd) => void) {
    let end: SocketEnd = "closed";
    this.#timer = setInterval(() => {
      if (this.#answered) {
        this.#answered = false;
        this.#unansweredSince = Date.now();
        socket.ping();
      } else if (socket.bufferedAmount === 0 || Date.now() - this.#unansweredSince >= SLOW_PEER_MS) {
        end = "timeout";
        socket.terminate();
      }
    }, intervalMs);
    this.#timer.unref();
    const alive = () => {
      this.#answered = true;
    };
    socket.on("pong", alive);
    socket.on("message", alive);
    socket.once("close", () => {
      clearInterval(this.#timer);
      ended(end);
    });
  }
}

/**
 * Holds a peer that sends faster than it may: its socket is not read until the second is over, so that what is too much
 * waits in the peer's own buffers and nothing is lost.
 */
export class Throttle {
  readonly #socket: WebSocket;
  readonly #perSecond: number;
  readonly #held = new Set<string>();
  #count = 0;
  #window: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, perSecond: number) {
    this.#socket = socket;
    this.#perSecond = perSecond;
    socket.once("close", () => clearTimeout(this.#window));
  }

  /** A message has come. @returns whether it was the one too many */
  message(): boolean {
    this.#window ??= setTimeout(() => {
      this.#window = undefined;
      this.#count = 0;
      this.release("rate");
    }, 1_000).unref();
    this.#count += 1;
    if (this.#count !== this.#perSecond) return false;
    this.hold("rate");
    return true;
  }

  /** Reads no more, for one reason among several. */
  hold(reason: string): void {
    this.#held.add(reason);
    this.#socket.pause();
  }

  /** Reads on when no other reason is left. */
  release(reason: string): void {
    if (this.#held.delete(reason) && this.#held.size === 0) this.#socket.resume();
  }
}

/** How long a peer that takes a large frame may leave a ping unanswered, in milliseconds. */
const SLOW_PEER_MS = 60_000;

/** Closes with one of the protocol's codes, and destroys the socket when the peer does not answer. */
export function closeSocket(
  socket: WebSocket,
  reason: keyof typeof CLOSE,
  { text = "", graceMs = CLOSE_GRACE_MS }: { text?: string; graceMs?: number } = {},
): void {
  socket.close(CLOSE[reason].code, text);
  const timer = setTimeout(() => socket.terminate(), graceMs);
  socket.once("close", () => clearTimeout(timer));
}
