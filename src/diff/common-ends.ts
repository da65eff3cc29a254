import type { Text } from "./text.js";

/** How many lines at the head and at the tail two files have in common; the two never overlap. */
export interface CommonEnds {
  readonly head: number;
  readonly tail: number;
}

/** Finds the lines that both files start with and, of the rest, those that both end with. */
export function commonEnds(before: Text, after: Text): CommonEnds {
  const shorter = Math.min(before.count, after.count);
  let head = 0;
  while (head < shorter && equal(before, head, after, head)) head += 1;
  const most = shorter - head;
  let tail = 0;
  while (tail < most && equal(before, before.count - 1 - tail, after, after.count - 1 - tail)) tail += 1;
  return { head, tail };
}

function equal(one: Text, line: number, other: Text, otherLine: number): boolean {
  let i = one.start(line);
  let j = other.start(otherLine);
  const end = one.end(line);
  if (end - i !== other.end(otherLine) - j) return false;
  const left = one.bytes;
  const right = other.bytes;
  while (i < end) if (left[i++] !== right[j++]) return false;
  return true;
}
