import { Backoff } from "./backoff.js";

/** The cap on the delay between two tries, and the bound of the first. Milliseconds. */
const RETRY = { firstMs: 500, capMs: 30_000 };
/** A connection that held this long was a good one: the next loss starts again with short delays. Milliseconds. */
const STABLE_MS = 60_000;
/** One that held this long was no relay that throws its agents out: it is tried again soon. Milliseconds. */
const HELD_MS = 20_000;
/** Bound of the delay then: with the silence that gives a link up, a client is right again within 35 s. Milliseconds. */
const SOON_MS = 5_000;
/**
 * Bound of the delay while the agent is away: it comes back by a back-off of its own, and whoever watches is to be right
 * soon after it. Milliseconds.
 */
const AGENT_AWAY_MS = 15_000;
/** Bound of the least delay: agents that lost the same relay must not return in the same moment. Milliseconds. */
const LEAST_MS = 1_000;
/** Below this nobody comes back, lest a relay that refuses at once be asked in a loop. Milliseconds. */
const FLOOR_MS = 100;

/** How one attempt to hold a connection went. */
export interface Attempt {
  /** From its start to its end. Milliseconds. */
  lastedMs: number;
  /** It was of use: the relay has said welcome, or has sent what was asked for. */
  welcomed: boolean;
  /** The relay has answered that the workspace's agent is away. */
  isAgentAway?: boolean;
}

/** When to try again: endlessly, with full jitter, and soon enough after the network has returned. */
export class RetryDelay {
  readonly #backoff: Backoff;
  readonly #random: () => number;

  /** @param random in [0, 1), for tests */
  constructor(random: () => number = Math.random) {
    this.#random = random;
    this.#backoff = new Backoff({ ...RETRY, random });
  }

  /** @returns the delay before the next attempt, in milliseconds */
  next(attempt: Attempt): number {
    return Math.max(FLOOR_MS, this.#draw(attempt));
  }

  #draw({ lastedMs, welcomed, isAgentAway = false }: Attempt): number {
    if (welcomed && lastedMs >= STABLE_MS) this.#backoff.reset();
    const delayMs = this.#backoff.next(isAgentAway ? AGENT_AWAY_MS : undefined);
    if (welcomed) return lastedMs < HELD_MS ? delayMs : Math.min(delayMs, this.#upTo(SOON_MS));
    // an attempt that hung has waited already
    return lastedMs < delayMs ? delayMs - lastedMs : Math.min(delayMs, this.#upTo(LEAST_MS));
  }

  #upTo(ms: number): number {
    return Math.round(this.#random() * ms);
  }
}
