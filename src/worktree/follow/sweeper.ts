import type { Clock } from "../../util/index.js";

/** A sweep over a covered tree may cost one part in this many of a core: 0.25 %. */
const SWEEP_SHARE = 400;
const MIN_SWEEP_MS = 60_000;
/** The same for a tree, or a part of one, without events, which is only followed by looking: 5 %. */
const POLL_SHARE = 20;
const MIN_POLL_MS = 1000;

/** How often the clocks are compared, and by how much they may part before the machine must have slept. */
const CLOCK_CHECK_MS = 5000;
const CLOCK_JUMP_MS = 2000;

export interface SweeperOptions {
  clock: Clock;
  /** Whether a part of the tree has no events. */
  isPolled(): boolean;
  /** Looks at everything once. Must not throw. */
  sweep(): Promise<void>;
  /** The wall clock jumped: the machine slept, or its clock was set. */
  onClockJump(): void;
}

/** How long after a sweep the next one comes, from what the last one cost. All in milliseconds. */
export function sweepDelay(costMs: number, polled: boolean): number {
  return polled ? Math.max(MIN_POLL_MS, costMs * POLL_SHARE) : Math.max(MIN_SWEEP_MS, costMs * SWEEP_SHARE);
}

/** Runs the slow sweep, at an interval that adapts to its cost, and notices that the machine slept. */
export class Sweeper {
  readonly #options: SweeperOptions;
  #cancelSweep: (() => void) | undefined;
  #cancelCheck: (() => void) | undefined;
  #wallAhead: number;
  #costMs = 0;
  #isStarted = false;
  #isSweeping = false;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#wallAhead = options.clock.wallMs() - options.clock.monotonicMs();
  }

  start(): void {
    this.#isStarted = true;
    this.#schedule();
    this.#scheduleCheck();
  }

  /** Begins no more sweeps; one that runs is the last. */
  stop(): void {
    this.#isStarted = false;
    this.#cancelSweep?.();
    this.#cancelCheck?.();
  }

  /** The tree's coverage has changed: the interval is another one now. */
  reschedule(): void {
    if (!this.#isStarted || this.#isSweeping) return; // the end of a sweep schedules the next one
    this.#cancelSweep?.();
    this.#schedule();
  }

  /** Milliseconds between two looks at a tree without events, as its health says. */
  get pollMs(): number {
    return sweepDelay(this.#costMs, true);
  }

  #schedule(): void {
    const { clock, isPolled, sweep } = this.#options;
    this.#cancelSweep = clock.after(sweepDelay(this.#costMs, isPolled()), () => {
      const began = clock.monotonicMs();
      this.#isSweeping = true;
      void sweep().finally(() => {
        this.#isSweeping = false;
        this.#costMs = clock.monotonicMs() - began;
        if (this.#isStarted) this.#schedule();
      });
    });
  }

  #scheduleCheck(): void {
    const { clock, onClockJump } = this.#options;
    this.#cancelCheck = clock.after(CLOCK_CHECK_MS, () => {
      const ahead = clock.wallMs() - clock.monotonicMs();
      if (Math.abs(ahead - this.#wallAhead) > CLOCK_JUMP_MS) onClockJump();
      this.#wallAhead = ahead;
      if (this.#isStarted) this.#scheduleCheck();
    });
  }
}
