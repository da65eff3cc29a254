import type { Clock } from "../../src/util/index.js";

/** A clock that moves only when the test says so. */
export class FakeClock implements Clock {
  #now = 0;
  #wallAhead = 1_800_000_000_000;
  #timers: { at: number; run: () => void }[] = [];

  /** How many calls wait for their time. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Milliseconds until the first call that waits; `undefined` when none does. */
  get nextMs(): number | undefined {
    if (this.#timers.length === 0) return undefined;
    return Math.min(...this.#timers.map(({ at }) => at)) - this.#now;
  }

  wallMs(): number {
    return this.#now + this.#wallAhead;
  }

  monotonicMs(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** Sets the wall clock alone. */
  jumpWall(byMs: number): void {
    this.#wallAhead += byMs;
  }

  /** Moves time on, timer by timer, and lets promises settle after each. */
  async advance(byMs: number): Promise<void> {
    const end = this.#now + byMs;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#now = next.at;
      next.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = end;
  }
}
