import type { Clock } from "../../util/index.js";

/** How often one file may be read for a state. */
const READS_OF_A_FILE = 2;

/** A file that is written while it is read is read again so many times; one that never rests is in a later state. */
const MAX_UNSTEADY_PASSES = 20;

/** How long after an answer the look behind it begins: what is asked or edited right after it need not wait. ms */
export const LOOK_BEHIND_MS = 250;

/** The looks behind answers are at least so far apart, in milliseconds. */
export const LOOKS_BEHIND_EVERY_MS = 5000;

/** How a tree catches up with the files: by events, by events that are known to be delivered, or by looking at all of them. */
export type CatchUp = "events" | "delivered" | "look";

/** What of the tree's diff says whether it lacks something. */
export interface UnfinishedDiff {
  /** Files that are being read beside the passes. */
  readonly notReady: readonly string[];
  /** Files that changed while a pass read them. */
  readonly changedWhileRead: ReadonlySet<string>;
  /** Settles when all that is being read has been read. */
  readsSettled(): Promise<void>;
}

export interface RefresherOptions {
  clock: Clock;
  /** Waits until all events raised before have been delivered. @returns whether that is proven */
  drained: () => Promise<boolean>;
  /** Whether every change of the tree raises an event, before the call that made it returns, that is delivered. */
  isCovered: () => boolean;
  /** The diff that is open; `undefined`: the tree is gone or closed. */
  diff: () => UnfinishedDiff | undefined;
  /** Has the tree's submodules catch up. */
  submodules: (how: "delivered" | "look") => Promise<void>;
  /** One pass over what is pending. */
  pass: () => Promise<void>;
  /** Notes that everything is to be looked at by the next pass. */
  doubtEverything: () => void;
  /** Whether git is at work: milliseconds to wait before asking again; 0: go on. @param now monotonic milliseconds */
  hold: (now: number) => number;
  /** Looks at everything once, behind an answer. Must not throw. Absent: nothing is looked at behind answers. */
  lookBehind?: (() => Promise<void>) | undefined;
}

/**
 * Answers refreshes of one tree: see docs/watching.md, "`refresh` is a barrier".
 *
 * ```
 * refresh  a───────────b──────────
 * drained  [ ]         [ ]
 * pass        [ ]         [ ]
 * answer        a           b
 * look           └250 ms [  ]       at most once in 5 s
 * ```
 */
export class Refresher {
  readonly #options: RefresherOptions;
  #lastLookAt = Number.NEGATIVE_INFINITY;
  #cancelLook: (() => void) | undefined;
  #closed = false;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** Makes the state cover every write that raised an event before the call, or with a look every one that was finished. */
  async catchUp(how: CatchUp): Promise<void> {
    const { drained, isCovered, submodules, pass } = this.#options;
    let isRight = how !== "look" && isCovered() && (how === "delivered" || (await drained()));
    if (isRight) {
      await submodules("delivered");
      await pass();
      isRight = isCovered(); // the pass may have come upon a limit, or upon a file system without events
    }
    if (!isRight) await this.look();
    await this.#settle();
  }

  /** Looks at every file, and at those of the submodules. */
  async look(): Promise<void> {
    const { doubtEverything, submodules, pass } = this.#options;
    doubtEverything();
    await submodules("look");
    await pass();
  }

  /** Has everything be looked at soon, for what raised no event. */
  lookBehind(): void {
    const { clock, lookBehind, isCovered } = this.#options;
    if (lookBehind === undefined || this.#cancelLook !== undefined || !isCovered()) return;
    const now = clock.monotonicMs();
    this.#lookAfter(Math.max(LOOK_BEHIND_MS, this.#lastLookAt + LOOKS_BEHIND_EVERY_MS - now), lookBehind);
  }

  close(): void {
    this.#closed = true;
    this.#cancelLook?.();
  }

  #lookAfter(delayMs: number, look: () => Promise<void>): void {
    const { clock, hold } = this.#options;
    if (this.#closed) return;
    this.#cancelLook = clock.after(delayMs, () => {
      const now = clock.monotonicMs();
      const wait = hold(now);
      if (wait > 0) return this.#lookAfter(wait, look);
      this.#lastLookAt = now;
      this.#cancelLook = undefined;
      void look();
    });
  }

  /** Waits for files that take long, and reads those again that changed meanwhile. */
  async #settle(): Promise<void> {
    const { diff, pass } = this.#options;
    let reads = 0;
    for (let passes = 0; passes < MAX_UNSTEADY_PASSES && !this.#closed; passes++) {
      const unfinished = diff();
      if (unfinished === undefined) return;
      // a file may be read once for its id and once for its patch; what has changed since is not waited for
      if (unfinished.notReady.length > 0 && reads < READS_OF_A_FILE) {
        reads += 1;
        await unfinished.readsSettled();
      } else if (unfinished.changedWhileRead.size === 0) return;
      await pass();
    }
  }
}
