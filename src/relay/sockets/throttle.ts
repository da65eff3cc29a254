import type { WebSocket } from "ws";
import type { ClientRate } from "../budgets/client-rates.js";
import { ReadHold, type Resumable } from "./read-hold.js";

/**
 * Holds a client that sends faster than one socket may, or faster than all sockets of its token may: its socket is not read
 * for a while, so that what is too much waits in the client's own buffers and nothing is lost.
 */
export class Throttle extends ReadHold {
  readonly #perSecond: number;
  #count = 0;
  readonly #rate: ClientRate;
  readonly #maxHoldMs: number;
  #window: NodeJS.Timeout | undefined;
  #tokenHold: NodeJS.Timeout | undefined;

  /**
   * @param stream what the socket reads from
   * @param rate what all sockets of the token have left
   * @param maxHoldMs so that a peer that is held still answers pings, in milliseconds
   */
  constructor(
    { socket, stream }: { socket: WebSocket; stream: Resumable },
    perSecond: number,
    rate: ClientRate,
    maxHoldMs: number,
  ) {
    super(socket, stream);
    this.#perSecond = perSecond;
    this.#rate = rate;
    this.#maxHoldMs = maxHoldMs;
    socket.once("close", () => {
      clearTimeout(this.#window);
      clearTimeout(this.#tokenHold);
    });
  }

  /** A message has come. @param bytes unpacked @returns whether it was the one too many */
  message(bytes: number): boolean {
    const isOverToken = this.#holdForToken(this.#rate.message(bytes));
    return this.#isOneTooMany() || isOverToken;
  }

  #holdForToken(waitMs: number): boolean {
    if (waitMs === 0 || this.#tokenHold !== undefined) return false;
    this.hold("token");
    this.#tokenHold = setTimeout(
      () => {
        this.#tokenHold = undefined;
        this.release("token");
      },
      Math.min(waitMs, this.#maxHoldMs),
    ).unref();
    return true;
  }

  #isOneTooMany(): boolean {
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
