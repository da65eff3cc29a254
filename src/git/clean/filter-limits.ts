import type { ChildProcess } from "node:child_process";
import { systemCode } from "../../util/index.js";

/** What a run of a filter may cost. */
export interface FilterLimits {
  /** How long one file may take. */
  readonly timeMs: number;
  /** What may be printed for one file. */
  readonly outputBytes: number;
}

/** git has no limits; a file that is larger after its filter than this is larger than any diff that is shown. */
export const FILTER_LIMITS: FilterLimits = { timeMs: 30_000, outputBytes: 256 * 2 ** 20 };

/** @returns in words what was printed too much of */
export function tooMuchOutput({ outputBytes }: FilterLimits): string {
  return `prints more than ${outputBytes} bytes`;
}

/**
 * Ends a program that was started `detached`, with its group, and lets go of its pipes: a process that has left the
 * group (`setsid`) is not ended, and may hold the other ends open for as long as it likes.
 */
export function abandon(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  if (child.pid !== undefined) killGroup(child.pid);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (thrown) {
    // The program may have ended by itself meanwhile.
    if (systemCode(thrown) !== "ESRCH") throw thrown;
  }
}
