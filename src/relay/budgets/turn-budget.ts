import { type Clock, systemClock } from "../../util/index.js";

/** So many messages of one token's sockets are handled in one turn of the event loop. */
const MESSAGES = 4;
/** Or so many bytes of them, beside the message that reaches the limit. */
const BYTES = 64 * 1024;
/** Or for so long, beside the message that reaches the limit: a short message may be work for a long tree. Milliseconds. */
const TURN_MS = 1;

/** A socket whose next message waits for a turn. */
export interface WaitingSocket {
  /** How long its next message is, in bytes; `undefined`: it has none. */
  readonly nextBytes: number | undefined;
  /** Handles it. Never throws. */
  next(): void;
}

/**
 * What one party may have of a turn of the event loop. One read of a socket may bring thousands of short messages, and a party
 * has many sockets: if all were handled at once, everybody else would wait until they are through. What is beyond a turn is
 * handled in the next ones, a message of each socket after the other.
 */
export class TurnBudget {
  #messages = MESSAGES;
  #bytes = BYTES;
  #ms = TURN_MS;
  #isRenewing = false;
  /** Whoever has waited longest is first. */
  readonly #waiting = new Set<WaitingSocket>();
  readonly #clock: Pick<Clock, "monotonicMs">;

  constructor(clock: Pick<Clock, "monotonicMs"> = systemClock) {
    this.#clock = clock;
  }

  /** Takes a message from the turn. @param bytes how long it is @returns whether it may be handled now */
  take(bytes: number): boolean {
    if (this.#isSpent) return false;
    this.#messages -= 1;
    this.#bytes -= bytes;
    if (this.#isSpent) this.#renewLater();
    return true;
  }

  /** Handles what was taken, and takes from the turn how long that is. @param handle never throws */
  time(handle: () => void): void {
    const start = this.#clock.monotonicMs();
    handle();
    this.#ms -= this.#clock.monotonicMs() - start;
    if (this.#isSpent) this.#renewLater();
  }

  /** What is handled now is work by itself: the party has nothing more of this turn. */
  end(): void {
    this.#messages = 0;
    this.#renewLater();
  }

  get #isSpent(): boolean {
    return this.#messages === 0 || this.#bytes <= 0 || this.#ms <= 0;
  }

  /** Has the socket's next message handled in a later turn. To be called when {@link take} has said no. */
  wait(socket: WaitingSocket): void {
    this.#waiting.add(socket);
  }

  #renewLater(): void {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    setImmediate(() => {
      this.#isRenewing = false;
      this.#messages = MESSAGES;
      this.#bytes = BYTES;
      this.#ms = TURN_MS;
      for (const socket of this.#waiting) {
        const { nextBytes } = socket;
        if (nextBytes !== undefined && !this.take(nextBytes)) return; // the next turn goes on with it
        this.#waiting.delete(socket);
        if (nextBytes === undefined) continue;
        socket.next();
        if (socket.nextBytes !== undefined) this.#waiting.add(socket); // behind the others
      }
    });
  }
}
