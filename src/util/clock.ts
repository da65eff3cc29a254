import { timerDelay } from "./timers.js";

/** Time, handed in so that tests can move it. */
export interface Clock {
  /** Milliseconds since 1970; jumps when the machine's clock is set or wakes from sleep. */
  wallMs(): number;
  /** Milliseconds since any moment; never jumps. */
  monotonicMs(): number;
  /** Runs something once after so many milliseconds; soon if they are negative. @returns a function that takes it back */
  after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, timerDelay(delayMs));
    return () => clearTimeout(timer);
  },
};
