import { commonPrefix, commonSuffix } from "./bytes";
import { Text } from "./text";

/** How many lines at the head and at the tail the files have in common; the two never overlap. */
export let head: i32 = 0;
export let tail: i32 = 0;

/** Finds the lines that both files start with and, of the rest, those that both end with. */
export function findEnds(before: Text, after: Text): void {
  // in bytes first, which is quicker; a line that is cut, or ends with one file alone, is common to the other's lines only
  const shorter = min(before.to - before.from, after.to - after.from);
  const prefix = commonPrefix(before.from, after.from, shorter);
  head = min(linesBefore(before, prefix), linesBefore(after, prefix));
  const most = shorter - (before.start(head) - before.from);
  const suffix = commonSuffix(before.to, after.to, most);
  tail = min(linesFrom(before, suffix), linesFrom(after, suffix));
}

/** How many lines end at an offset or before it. */
function linesBefore(text: Text, offset: usize): i32 {
  return firstFrom(text, text.count + 1, text.from + offset + 1) - 1;
}

/** How many lines start in the last `size` bytes. */
function linesFrom(text: Text, size: usize): i32 {
  return text.count - firstFrom(text, text.count, text.to - size);
}

/** The first of `count` line starts that is at least `least`; `count` when there is none. */
function firstFrom(text: Text, count: i32, least: usize): i32 {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (text.start(middle) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
