/** Time, handed in so that tests can move it. */
export interface Clock {
  /** Milliseconds since any moment; never jumps. */
  monotonicMs(): number;
  /** Runs something once after so many milliseconds. @returns a function that takes it back */
  after(delayMs: number, run: () => void): () => void;
}

/** The time of this process. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
