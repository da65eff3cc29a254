import { LRUCache } from "lru-cache";
import { type Clock, systemClock } from "../../util/index.js";

/** How long a token waits after the first offence; each one after it doubles that, up to the second. Milliseconds. */
const FIRST_MS = 1_000;
const LONGEST_MS = 5 * 60_000;
/** So long without an offence takes one back. Milliseconds. */
const FORGIVEN_MS = 10 * 60_000;
/** Tokens that are remembered; far more than a relay has agents. */
const MAX_TOKENS = 10_000;

interface Offences {
  count: number;
  lastAt: number;
}

/**
 * How long a token has to wait before its agent may connect again: tunnels that were closed for breaking the protocol, or for
 * going over a budget, would otherwise be back at once and do the same.
 */
export class Penalties {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #byToken = new LRUCache<string, Offences>({ max: MAX_TOKENS });

  constructor(clock: Pick<Clock, "monotonicMs"> = systemClock) {
    this.#clock = clock;
  }

  /** Its tunnel was closed for what it sent. */
  punish(tokenId: string): void {
    this.#byToken.set(tokenId, { count: this.#count(tokenId) + 1, lastAt: this.#clock.monotonicMs() });
  }

  /** @returns how long from now on, in milliseconds; 0: it may connect */
  waitMs(tokenId: string): number {
    const offences = this.#byToken.get(tokenId);
    if (offences === undefined) return 0;
    const delayMs = Math.min(FIRST_MS * 2 ** (offences.count - 1), LONGEST_MS);
    return Math.max(0, offences.lastAt + delayMs - this.#clock.monotonicMs());
  }

  #count(tokenId: string): number {
    const offences = this.#byToken.get(tokenId);
    if (offences === undefined) return 0;
    const forgiven = Math.floor((this.#clock.monotonicMs() - offences.lastAt) / FORGIVEN_MS);
    return Math.max(0, offences.count - forgiven);
  }
}
