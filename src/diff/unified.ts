import { compareTexts } from "./compare.js";
import { gatherHunks } from "./hunks.js";
import { printHunks } from "./print.js";
import { Text } from "./text.js";
import type { DiffOptions } from "./types.js";
import { withoutLongTail } from "./without-long-tail.js";

const DEFAULT_CONTEXT_LINES = 3;
const NOTHING = new Uint8Array(0);

/** The hunks of one file, and how many lines they add and delete. */
export interface Hunks {
  bytes: Uint8Array;
  additions: number;
  deletions: number;
}

/**
 * What `git diff` prints for two versions of a file, from the first `@@` to the last line feed: byte for byte, whatever
 * the bytes. Nothing is decoded; whether the content is binary is not asked (see `looksBinary`).
 *
 * @param before the old content; not changed
 * @param after the new content; not changed
 * @param options lines of context (default 3, whole, 0 or more), and the pattern of function heads
 * @returns empty when the two are the same
 * @throws RangeError when `contextLines` is not a whole number, 0 or more
 */
export function unifiedHunks(before: Uint8Array, after: Uint8Array, options: DiffOptions = {}): Uint8Array {
  return compareFiles(before, after, options).bytes;
}

/** As {@link unifiedHunks}, with the counts. */
export function compareFiles(before: Uint8Array, after: Uint8Array, options: DiffOptions): Hunks {
  const { contextLines = DEFAULT_CONTEXT_LINES, functionPattern } = options;
  if (!Number.isSafeInteger(contextLines) || contextLines < 0) {
    throw new RangeError(`contextLines is ${contextLines}; give a whole number, 0 or more`);
  }
  const [oldBytes, newBytes] = contextLines === 0 ? withoutLongTail(before, after) : [before, after];
  const one = new Text(oldBytes);
  const two = new Text(newBytes);
  compareTexts(one, two);
  const hunks = gatherHunks(one, two, contextLines);
  if (hunks.length === 0) return { bytes: NOTHING, additions: 0, deletions: 0 };
  let additions = 0;
  let deletions = 0;
  for (const { changes } of hunks) {
    for (const { beforeStart, beforeEnd, afterStart, afterEnd } of changes) {
      deletions += beforeEnd - beforeStart;
      additions += afterEnd - afterStart;
    }
  }
  return { bytes: printHunks(one, two, hunks, functionPattern), additions, deletions };
}
