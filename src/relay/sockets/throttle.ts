import type { WebSocket } from "ws";

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
