import { CLOSE } from "../protocol/index.js";
import type { Logger } from "../util/index.js";
import type { StoreHealth } from "./store/index.js";

/** What the failure of a handler ends. */
interface Closable {
  close(code: number, text: string): void;
}

/**
 * Where every handler that nobody waits for brings what it caught: a failure there ends a socket at most, never the process.
 */
export class Failures {
  readonly #health: StoreHealth;
  readonly #log: Logger;

  constructor(health: StoreHealth, log: Logger) {
    this.#health = health;
    this.#log = log;
  }

  /**
   * Notes a failure: a trouble of the store is logged once, by the store's health, and everything else with its stack.
   *
   * @param what what failed, for the log
   * @returns whether the store is to blame
   */
  note(thrown: unknown, what: string, log: Logger = this.#log): boolean {
    if (this.#health.note(thrown)) return true;
    log.error({ err: thrown }, what);
    return false;
  }

  /** The same job for an event or a timer: whatever it throws is noted. */
  guard<A extends unknown[]>(what: string, job: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      try {
        job(...args);
      } catch (thrown) {
        this.note(thrown, what);
      }
    };
  }

  /** Opens a socket's session. The handshake is over by then: a failure closes the WebSocket with 1011. */
  opening(socket: Closable, open: () => void): void {
    try {
      open();
    } catch (thrown) {
      this.note(thrown, "a socket could not be opened");
      socket.close(CLOSE.internalError.code, "the relay has failed; come back");
    }
  }
}
