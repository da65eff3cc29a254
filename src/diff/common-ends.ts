import { commonPrefix, commonSuffix } from "./bytes.js";
import type { Text } from "./text.js";

/** How many lines at the head and at the tail two files have in common; the two never overlap. */
export interface CommonEnds {
  readonly head: number;
  readonly tail: number;
}

/** Finds the lines that both files start with and, of the rest, those that both end with. */
export function commonEnds(before: Text, after: Text): CommonEnds {
  // in bytes first, which is quicker; a line that is cut, or ends with one file alone, is common to the other's lines only
  const prefix = commonPrefix(before, after);
  const head = Math.min(linesBefore(before, prefix), linesBefore(after, prefix));
  const most = Math.min(before.bytes.length, after.bytes.length) - before.start(head);
  const suffix = commonSuffix(before, after, most);
  const tail = Math.min(linesFrom(before, suffix), linesFrom(after, suffix));
  return { head, tail };
}

/** How many lines end at an offset or before it. */
function linesBefore({ starts, count }: Text, offset: number): number {
  return firstAtLeast(starts, count + 1, offset + 1) - 1;
}

/** How many lines start in the last `size` bytes. */
function linesFrom({ bytes, starts, count }: Text, size: number): number {
  return count - firstAtLeast(starts, count, bytes.length - size);
}

/** The first of `count` ascending numbers that is at least `least`; `count` when there is none. */
function firstAtLeast(numbers: Int32Array, count: number, least: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
