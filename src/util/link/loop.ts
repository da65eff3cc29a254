import { type Clock, systemClock } from "../clock.js";
import type { LinkFailure } from "./failure.js";
import { RetryDelay } from "./retry-delay.js";

/**
 * After good service even the relay's own refusal is asked for again this long before it counts: it may have lost sight of
 * its store, or another one answers in its place while it is being moved. Milliseconds.
 */
export const REFUSAL_GRACE_MS = 60_000;

/** What one attempt tells the loop. */
export interface LinkAttempt {
  /** The connection is of use: the relay has said welcome, or has sent what was asked for. */
  served(): void;
  /** This attempt is another question than those before, with another token say: refusals of them do not count. */
  asksAnew(): void;
}

/** What comes after a failure. */
export interface NextTry {
  delayMs: number;
  /** It has not failed in these words since a connection was last of use. */
  isNew: boolean;
}

export interface LinkLoopOptions<F extends LinkFailure> {
  /** Makes one connection and holds it. @returns why it is over; ignored once `signal` has aborted */
  connect: (attempt: LinkAttempt) => Promise<F>;
  /** Ends the loop. Ending the connection is for whoever makes it. */
  signal: AbortSignal;
  /** Before each wait. */
  onFailure?: (failure: F, next: NextTry) => void;
  /** How long a final failure is tried again, also without good service before. Milliseconds. Default: not at all. */
  graceMs?: (failure: F) => number;
  retryDelay?: Pick<RetryDelay, "next">;
  clock?: Clock;
}

/**
 * Keeps a connection to a relay, for as long as that makes sense: the agent's, the terminal client's and the library's.
 *
 * ```
 *  connect ──▶ failure ──▶ final, and its time of grace is over ──▶ the end
 *     ▲           │
 *     └── wait ◀──┘  back-off with full jitter, or as long as the answer says
 * ```
 *
 * What a proxy in between says is never final (docs/protocol.md, "Whose answer it is").
 */
export class LinkLoop<F extends LinkFailure> {
  readonly #options: LinkLoopOptions<F>;
  readonly #clock: Clock;
  readonly #retryDelay: Pick<RetryDelay, "next">;
  /** Connections were of use, and the relay has not said since that they shall not come back. */
  #hasServed = false;
  /** When the first of the final failures came that nothing has stood between since. */
  #refusedAtMs: number | undefined;
  readonly #told = new Set<string>();
  #isHurried = false;
  #wake: () => void = () => undefined;

  constructor(options: LinkLoopOptions<F>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#retryDelay = options.retryDelay ?? new RetryDelay();
  }

  /** Connects, and connects again. @returns the final failure; `undefined` when `signal` has ended it */
  async run(): Promise<F | undefined> {
    const { connect, signal, onFailure } = this.#options;
    while (!signal.aborted) {
      const startedAtMs = this.#clock.monotonicMs();
      let welcomed = false;
      const failure = await connect({
        served: () => {
          welcomed = true;
          this.#served();
        },
        asksAnew: () => {
          this.#refusedAtMs = undefined;
        },
      });
      if (signal.aborted) return undefined;
      const graceMs = this.#graceLeftMs(failure);
      if (graceMs <= 0) return failure;
      const lastedMs = this.#clock.monotonicMs() - startedAtMs;
      const delayMs = this.#delayMs({ lastedMs, welcomed }, failure, graceMs);
      onFailure?.(failure, { delayMs, isNew: !this.#told.has(failure.why) });
      this.#told.add(failure.why);
      await this.#wait(delayMs);
    }
    return undefined;
  }

  /** The network may be another than a moment ago: a try that waits is made now. */
  nudge(): void {
    this.#wake();
  }

  /** The try that comes next, whenever that is, is made without a wait. */
  hurry(): void {
    this.#isHurried = true;
    this.#wake();
  }

  #served(): void {
    this.#hasServed = true;
    this.#refusedAtMs = undefined;
    this.#told.clear();
  }

  /** How long it is still worth trying, in milliseconds. */
  #graceLeftMs(failure: F): number {
    if (!failure.isFinal) {
      this.#refusedAtMs = undefined;
      return Number.POSITIVE_INFINITY;
    }
    // "do not come back", on a connection that was open: the relay knew what it said
    if (failure.step === "open") this.#hasServed = false;
    const nowMs = this.#clock.monotonicMs();
    this.#refusedAtMs ??= nowMs;
    const graceMs = Math.max(this.#hasServed ? REFUSAL_GRACE_MS : 0, this.#options.graceMs?.(failure) ?? 0);
    return this.#refusedAtMs + graceMs - nowMs;
  }

  #delayMs(held: { lastedMs: number; welcomed: boolean }, failure: F, graceMs: number): number {
    const { retryAfterMs = 0, isAgentAway = false } = failure;
    const isHurried = this.#isHurried;
    this.#isHurried = false;
    if (isHurried) return 0;
    // the last question of a time of grace is asked at its end, not after it
    return Math.min(Math.max(this.#retryDelay.next({ ...held, isAgentAway }), retryAfterMs), graceMs);
  }

  async #wait(delayMs: number): Promise<void> {
    const { signal } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
      signal.addEventListener("abort", this.#wake, { once: true });
      if (signal.aborted) this.#wake();
    });
    signal.removeEventListener("abort", this.#wake);
    this.#wake = () => undefined;
  }
}
