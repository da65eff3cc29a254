import type { WebSocket } from "ws";
import { ReadHold } from "./read-hold.js";

/**
 * Holds a peer that sends faster than it may: its socket is not read until the second is over, so that what is too much
 * waits in the peer's own buffers and nothing is lost.
 */
export class Throttle extends ReadHold {
  readonly #perSecond: number;
  #count = 0;
  #window: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, perSecond: number) {
    super(socket);
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
}
