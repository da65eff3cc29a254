import type { Clock } from "../../util/index.js";

/**
 * What may be used up: so much a second on average, and a burst at once. What is taken cannot be given back, so that the
 * level may fall below nothing; then the next one waits until the debt is paid.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #level: number;
  #at: number;

  constructor(perSecond: number, burst: number, clock: Pick<Clock, "monotonicMs">) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#clock = clock;
    this.#level = burst;
    this.#at = clock.monotonicMs();
  }

  take(amount: number): void {
    this.#refill();
    this.#level -= amount;
  }

  /** How long it takes until the debt is paid, in milliseconds; 0 when there is none. */
  waitMs(): number {
    this.#refill();
    return Math.max(0, Math.ceil(-this.#level / this.#perMs));
  }

  /** No debt is left. */
  forgive(): void {
    this.#refill();
    this.#level = Math.max(0, this.#level);
  }

  #refill(): void {
    const now = this.#clock.monotonicMs();
    this.#level = Math.min(this.#burst, this.#level + (now - this.#at) * this.#perMs);
    this.#at = now;
  }
}
