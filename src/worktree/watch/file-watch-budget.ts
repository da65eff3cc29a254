import { readFileSync } from "node:fs";
import { systemCode } from "../../util/index.js";

/** Files that are watched by themselves in all trees of a thread, at most: a store of packages has more links than that. */
const MAX_FILE_WATCHES = 8192;

/** Of the watches that the kernel allows the user, one part in this many; the others are for directories. */
const KERNEL_SHARE = 8;

/** Counts the files that are watched by themselves. */
export class FileWatchBudget {
  readonly limit: number;
  #held = 0;

  constructor(limit = defaultLimit()) {
    this.limit = limit;
  }

  /** @returns what gives the watch back, once; `undefined` when there are too many */
  take(): (() => void) | undefined {
    if (this.#held >= this.limit) return undefined;
    this.#held += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#held -= 1;
      isHeld = false;
    };
  }
}

function defaultLimit(): number {
  try {
    const ofUser = Number(readFileSync("/proc/sys/fs/inotify/max_user_watches", "utf8"));
    return Math.min(MAX_FILE_WATCHES, Math.floor(ofUser / KERNEL_SHARE));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return MAX_FILE_WATCHES; // not Linux, or no /proc
  }
}
