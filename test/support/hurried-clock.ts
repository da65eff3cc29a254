import { type Clock, systemClock } from "../../src/util/index.js";

/** Delays of this length and longer are hurried, in milliseconds. */
const LONG_MS = 1000;
const HURRY = 50;

/** A clock whose long delays pass fifty times as fast, and whose wall time can be set. */
export class HurriedClock implements Clock {
  aheadMs = 0;

  wallMs(): number {
    return systemClock.wallMs() + this.aheadMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  after(delayMs: number, run: () => void): () => void {
    return systemClock.after(delayMs >= LONG_MS ? delayMs / HURRY : delayMs, run);
  }
}
