import type { Clock } from "../../util/index.js";

/** Events of one save (truncate, write, rename) come within this time; a quiet tree's edit waits no longer. ms */
export const COALESCE_MS = 2;
/** States of a busy tree come no faster than this, 20 a second, in milliseconds. */
export const MIN_INTERVAL_MS = 50;
/** A tree whose passes take longer than this is not left alone for longer, in milliseconds. */
export const MAX_INTERVAL_MS = 250;
/** A pass that failed is tried again after this time, doubled each time, up to {@link MAX_RETRY_MS}. */
export const RETRY_MS = 50;
/** See {@link RETRY_MS}. */
export const MAX_RETRY_MS = 10_000;

export interface PassTimerOptions {
  clock: Clock;
  /** Whether git is at work: milliseconds to wait before asking again; 0: go on. @param now monotonic milliseconds */
  hold: (now: number) => number;
  /** Begins a pass. */
  run: () => void;
  /** Git is at work, and a pass would be due: begins one over what git does not touch. */
  runHeld?: () => void;
}

/**
 * Says when the next pass over a tree runs: at most one is scheduled, and an earlier time replaces a later one.
 *
 * ```
 * wake    a──b─────c──────────d───e───────────
 * pass     [ a,b ]      [ c ]          [ d,e ]
 *                 │pause│         │hold│
 * ```
 */
export class PassTimer {
  readonly #options: PassTimerOptions;
  #scheduled: { at: number; cancel: () => void } | undefined;
  #lastPassEnd = Number.NEGATIVE_INFINITY;
  #lastPassMs = 0;
  #failures = 0;
  /** Whether what the next pass is for is more than looks at files that have settled. */
  #isForEvents = false;
  /** Whether the pass that runs sets the pace of those after it. */
  #isPaced = true;
  #closed = false;

  constructor(options: PassTimerOptions) {
    this.#options = options;
  }

  /** Whether a pass is scheduled. */
  get isScheduled(): boolean {
    return this.#scheduled !== undefined;
  }

  /** Something changed: runs a pass soon when the tree was quiet, else when the last pass is old enough. */
  wake(): void {
    this.#failures = 0; // what failed may succeed now
    this.#isForEvents = true;
    this.#runSoon();
  }

  /**
   * A file is to be looked at of which no event tells: runs a pass as {@link wake} does. There are no more of those than
   * there were changes, so an edit that comes right behind such a pass does not wait for its time.
   */
  wakeForLook(): void {
    this.#runSoon();
  }

  /** A pass has left something to look at: runs another one. */
  runAgain(): void {
    this.#isForEvents = true;
    this.#runAt(this.#options.clock.monotonicMs() + MIN_INTERVAL_MS);
  }

  /** A pass has succeeded. @param began monotonic milliseconds */
  passed(began: number): void {
    this.#failures = 0;
    this.#passEnded(began);
  }

  /** A pass has failed: tries another one. @param began monotonic milliseconds */
  failed(began: number): void {
    const delay = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#isForEvents = true;
    this.#runAt(this.#options.clock.monotonicMs() + delay);
    this.#passEnded(began);
  }

  /** Runs no more passes. */
  close(): void {
    this.#closed = true;
    this.#scheduled?.cancel();
  }

  /** A tree that never rests takes half of a core, but a machine that stalls once does not make it wait for long. */
  #nextPassAt(): number {
    return this.#lastPassEnd + Math.min(Math.max(MIN_INTERVAL_MS, this.#lastPassMs), MAX_INTERVAL_MS);
  }

  #runSoon(): void {
    this.#runAt(Math.max(this.#options.clock.monotonicMs() + COALESCE_MS, this.#nextPassAt()));
  }

  #passEnded(began: number): void {
    const isPaced = this.#isPaced;
    this.#isPaced = true; // those that others begin
    if (!isPaced) return;
    this.#lastPassEnd = this.#options.clock.monotonicMs();
    this.#lastPassMs = this.#lastPassEnd - began;
  }

  #runAt(at: number): void {
    if (this.#closed || (this.#scheduled !== undefined && this.#scheduled.at <= at)) return;
    this.#scheduled?.cancel();
    const { clock } = this.#options;
    const cancel = clock.after(at - clock.monotonicMs(), () => this.#onTime());
    this.#scheduled = { at, cancel };
  }

  #onTime(): void {
    this.#scheduled = undefined;
    const now = this.#options.clock.monotonicMs();
    const wait = this.#options.hold(now);
    if (wait <= 0) {
      this.#isPaced = this.#isForEvents;
      this.#isForEvents = false;
      this.#options.run();
      return;
    }
    this.#runAt(now + wait);
    if (now >= this.#nextPassAt()) this.#options.runHeld?.();
  }
}
