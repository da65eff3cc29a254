import { MODE_FILE, MODE_LINK, MODE_TYPE } from "../objects/git-object.js";
import { FIELD } from "./index-entries.js";
import type { FileStats, IndexTime, StatRules } from "./types.js";

/**
 * Whether an entry's stat data proves the file unchanged, as git decides it; rules in
 * <https://git-scm.com/docs/racy-git>. Where a build of git may or may not look at nanoseconds, this does what errs
 * towards reading the file.
 *
 * @param bytes of the index @param at where the entry's fields start @param mode the entry's
 */
export function statProvesUnchanged(
  bytes: DataView,
  at: number,
  mode: number,
  stats: FileStats,
  indexTime: IndexTime,
  rules: StatRules,
): boolean {
  if (!modeMatches(mode, stats.mode, rules)) return false;
  const size = bytes.getUint32(at + FIELD.size);
  if (size !== stats.size % 2 ** 32) return false;
  const seconds = bytes.getUint32(at + FIELD.mtime);
  const nanoseconds = rules.checksAll ? bytes.getUint32(at + FIELD.mtimeNs) : 0;
  if (!timeMatches(seconds, nanoseconds, stats.mtimeMs)) return false;
  if (rules.checksAll) {
    if (bytes.getUint32(at + FIELD.ino) !== stats.ino % 2 ** 32) return false;
    if (bytes.getUint32(at + FIELD.uid) !== stats.uid || bytes.getUint32(at + FIELD.gid) !== stats.gid) return false;
    const ctime = bytes.getUint32(at + FIELD.ctime);
    const ctimeNs = bytes.getUint32(at + FIELD.ctimeNs);
    if (rules.trustsCtime && !timeMatches(ctime, ctimeNs, stats.ctimeMs)) return false;
  }
  // Git compares whole seconds here, unless it was built with USE_NSEC: it shows where attributes changed since.
  return seconds < Math.floor(indexTime.ms / 1000);
}

function modeMatches(mode: number, fileMode: number, rules: StatRules): boolean {
  const type = fileMode & MODE_TYPE;
  if ((mode & MODE_TYPE) === MODE_FILE) {
    return type === MODE_FILE && (!rules.trustsFileMode || ((mode ^ fileMode) & 0o100) === 0);
  }
  // A directory's stat data say nothing of the submodule in it.
  if ((mode & MODE_TYPE) !== MODE_LINK) return false;
  return type === MODE_LINK || (!rules.trustsSymlinks && type === MODE_FILE);
}

function timeMatches(seconds: number, nanoseconds: number, ms: number): boolean {
  return nanoseconds === 0 ? seconds === Math.floor(ms / 1000) : toMs(seconds, nanoseconds) === ms;
}

/** The very sum by which Node makes `mtimeMs`, so that equal times are equal numbers. */
function toMs(seconds: number, nanoseconds: number): number {
  return seconds * 1000 + nanoseconds / 1_000_000;
}
