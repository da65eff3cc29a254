import type { Clock } from "../../util/index.js";
import type { Delivery } from "../watch/tree-watcher.js";

/** How often a tree is swept: a sweep may cost one part in `share` of a core. */
interface Pace {
  readonly share: number;
  readonly minMs: number;
}

/** Every change has its event: 0.25 % of a core, for what raises none. */
const COVERED: Pace = { share: 400, minMs: 60_000 };
const PACES: Readonly<Record<Delivery, Pace>> = {
  prompt: COVERED,
  late: COVERED,
  /** 1 %: some events never come. */
  lossy: { share: 100, minMs: 10_000 },
  /** 5 %: a tree, or a part of one, without events is only followed by looking. */
  none: { share: 20, minMs: 1000 },
};

/** Between two sweeps is so many times the time that the last one took, whatever it cost: one thread serves all trees. */
const REST = 4;

/** How often the clocks are compared, and by how much they may part before the machine must have slept. */
const CLOCK_CHECK_MS = 5000;
const CLOCK_JUMP_MS = 2000;

export interface SweeperOptions {
  clock: Clock;
  /** What is promised of the tree's events; `none` when it is true of a part of it. */
  delivery(): Delivery;
  /** Whether git is at work: milliseconds to wait before asking again; 0: go on. @param now monotonic milliseconds */
  hold(now: number): number;
  /** Looks at everything once. Must not throw. */
  sweep(): Promise<void>;
  /** The wall clock jumped: the machine slept, or its clock was set. */
  onClockJump(): void;
}

/** How long after a sweep the next one comes, from what the last one cost. All in milliseconds. */
export function sweepDelay(costMs: number, delivery: Delivery): number {
  const { share, minMs } = PACES[delivery];
  return Math.max(minMs, costMs * share);
}

/** What this process has used of its cores, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Runs the slow sweep, at an interval that adapts to its cost, and notices that the machine slept. */
export class Sweeper {
  readonly #options: SweeperOptions;
  #cancelSweep: (() => void) | undefined;
  #cancelCheck: (() => void) | undefined;
  #wallAhead: number;
  /** What the last sweep cost of a core, and how long it took: on a busy machine, or a slow file system, that is more. */
  #costMs = 0;
  #tookMs = 0;
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
    return this.#delayMs("none");
  }

  #delayMs(delivery: Delivery): number {
    return Math.max(sweepDelay(this.#costMs, delivery), this.#tookMs * REST);
  }

  #schedule(): void {
    const { clock, delivery } = this.#options;
    this.#cancelSweep = clock.after(this.#delayMs(delivery()), () => this.#onTime());
  }

  #onTime(): void {
    const { clock, hold, sweep } = this.#options;
    const began = clock.monotonicMs();
    const wait = hold(began);
    if (wait > 0) {
      this.#cancelSweep = clock.after(wait, () => this.#onTime());
      return;
    }
    const usedBefore = cpuMs();
    this.#isSweeping = true;
    void sweep().finally(() => {
      this.#isSweeping = false;
      this.#tookMs = clock.monotonicMs() - began;
      this.#costMs = Math.min(this.#tookMs, cpuMs() - usedBefore); // other threads' work counts as well, so no more than it took
      if (this.#isStarted) this.#schedule();
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
