import { lstatSync } from "node:fs";
import { join } from "node:path";

/** Longest time that states are held back for a git command, in milliseconds. */
export const MAX_HOLD_MS = 2000;

/**
 * Between the steps of one command git writes nothing for a few milliseconds: `reset --hard` moves the branch after it
 * has unlocked the index. States are held back for this long after the last change in the git directory.
 */
const SETTLE_MS = 25;

/** The same within a rebase, merge or cherry-pick, whose steps are processes of their own. Milliseconds. */
const STEP_SETTLE_MS = 150;

/** Present in the git directory while a command of several steps is under way, or stopped for a conflict. */
const OPERATIONS = ["rebase-merge", "rebase-apply", "sequencer", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"];

/** What the hold asks of the git directory. */
export interface OperationSigns {
  /** Identity of `index.lock`, or `undefined` when there is none. */
  lock(): string | undefined;
  /** For how long the lock has been there by its own time stamp, in milliseconds; 0 when there is none. */
  lockAgeMs(): number;
  /** Whether an operation of several steps is under way or stopped. */
  operation(): boolean;
}

/**
 * Says for how long to wait with looking, because git is at work and what lies on disk is half of a state. Bounded: a
 * lock holds things back for {@link MAX_HOLD_MS} after it was first seen, whether or not anything waited meanwhile. So
 * one that a crashed git left behind is waited for once, and not at all when it was old before anybody looked.
 */
export class Hold {
  readonly #signs: OperationSigns;
  #lastActivity = Number.NEGATIVE_INFINITY;
  #heldSince: number | undefined;
  /** The lock that is there, and when it was first seen. */
  #seenLock: { id: string; at: number } | undefined;
  #staleLock: string | undefined;

  /** @param now monotonic milliseconds */
  constructor(signs: OperationSigns, now: number) {
    this.#signs = signs;
    // its own time stamp counts here alone: while the machine sleeps, a git at work grows old by the wall clock
    if (signs.lockAgeMs() >= MAX_HOLD_MS) this.#staleLock = signs.lock();
    this.#lookAtLock(now);
  }

  /** Something changed directly in the git directory. @param now monotonic milliseconds */
  activity(now: number): void {
    this.#lastActivity = now;
    this.#lookAtLock(now);
  }

  /**
   * @param now monotonic milliseconds
   * @returns milliseconds to wait before asking again; 0: go on
   */
  wait(now: number): number {
    const wait = this.#wanted(now);
    if (wait === 0) {
      this.#heldSince = undefined;
      return 0;
    }
    this.#heldSince ??= now;
    const left = this.#heldSince + MAX_HOLD_MS - now;
    if (left > 0) return Math.min(wait, left);
    this.#heldSince = undefined;
    this.#staleLock = this.#signs.lock();
    this.#lastActivity = Number.NEGATIVE_INFINITY;
    return 0;
  }

  #wanted(now: number): number {
    const lock = this.#lookAtLock(now);
    if (lock !== undefined && lock.id !== this.#staleLock) {
      if (now - lock.at < MAX_HOLD_MS) return Math.min(SETTLE_MS, lock.at + MAX_HOLD_MS - now);
      this.#staleLock = lock.id;
    }
    const quiet = now - this.#lastActivity;
    if (quiet < SETTLE_MS) return SETTLE_MS - quiet;
    if (quiet < STEP_SETTLE_MS && this.#signs.operation()) return STEP_SETTLE_MS - quiet;
    return 0;
  }

  #lookAtLock(now: number): { id: string; at: number } | undefined {
    const id = this.#signs.lock();
    if (id === undefined) {
      this.#seenLock = undefined;
      this.#staleLock = undefined;
    } else if (this.#seenLock?.id !== id) this.#seenLock = { id, at: now };
    return this.#seenLock;
  }
}

/** The signs in a git directory on disk. @param gitDir absolute path */
export function operationSigns(gitDir: string): OperationSigns {
  const look = (name: string) => lstatSync(join(gitDir, name), { throwIfNoEntry: false });
  return {
    lock: () => {
      const stats = look("index.lock");
      return stats && `${stats.ino} ${stats.mtimeMs}`;
    },
    lockAgeMs: () => {
      const stats = look("index.lock");
      return stats === undefined ? 0 : Date.now() - stats.mtimeMs;
    },
    operation: () => OPERATIONS.some((name) => look(name) !== undefined),
  };
}
