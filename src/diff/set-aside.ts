import { powerOfTwoRoot } from "./power-of-two-root.js";
import type { Text } from "./text.js";

/** A line with this many counterparts or more has very many, however long the file is. */
const MANY_COUNTERPARTS = 1024;
/** How far before and behind a line its neighbourhood reaches. */
const NEIGHBOURHOOD_LINES = 100;
/** A line with very many counterparts is left out when more than 3 in 4 lines around it have none. */
const LONELY_PER_COMMON = 3;

/** How many counterparts a line has in the other file. */
const NONE = 0;
const SOME = 1;
const MANY = 2;

/** The lines of one file that take part in the search. */
export interface Kept {
  /** Their line numbers, ascending. */
  readonly lines: Int32Array;
  /** Their classes, by the same index. */
  readonly classes: Int32Array;
}

/**
 * Leaves out of the search what would only mislead or slow it: lines without a counterpart in the other file, and
 * lines with very many that stand among such. They are marked as changed.
 *
 * @param classes of the lines from `from` on; the lines before `from`, and those behind, are common to both files
 * @param counterparts by class, how often it stands in the whole other file
 */
export function setAside(text: Text, from: number, classes: Int32Array, counterparts: Int32Array): Kept {
  const many = Math.min(powerOfTwoRoot(text.count), MANY_COUNTERPARTS);
  const size = classes.length;
  const kinds = new Uint8Array(size);
  for (let i = 0; i < size; i += 1) {
    const found = counterparts[classes[i] as number] as number;
    kinds[i] = found === 0 ? NONE : found < many ? SOME : MANY;
  }

  const misleading = standsAmongLonely(kinds);
  const lines = new Int32Array(size);
  const keptClasses = new Int32Array(size);
  let count = 0;
  for (let i = 0; i < size; i += 1) {
    if (kinds[i] === NONE || misleading?.[i] === 1) {
      text.changed[from + i] = 1;
    } else {
      lines[count] = from + i;
      keptClasses[count] = classes[i] as number;
      count += 1;
    }
  }
  return { lines: lines.subarray(0, count), classes: keptClasses.subarray(0, count) };
}

/**
 * Marks the lines with very many counterparts of whose neighbours, on both sides as far as the next line with some,
 * enough have none. `undefined` when there is nothing to mark.
 */
function standsAmongLonely(kinds: Uint8Array): Uint8Array | undefined {
  if (!kinds.includes(MANY)) return undefined;
  const size = kinds.length;
  // lonely[i]: how many of the lines before i have no counterpart; next[i]: the first line from i on that has some
  const lonely = new Int32Array(size + 1);
  const next = new Int32Array(size + 1);
  next[size] = size;
  for (let i = 0; i < size; i += 1) lonely[i + 1] = (lonely[i] as number) + (kinds[i] === NONE ? 1 : 0);
  for (let i = size - 1; i >= 0; i -= 1) next[i] = kinds[i] === SOME ? i : (next[i + 1] as number);

  const marks = new Uint8Array(size);
  let runStart = 0;
  for (let i = 0; i < size; i += 1) {
    if (kinds[i] === SOME) runStart = i + 1;
    if (kinds[i] !== MANY) continue;
    const first = Math.max(runStart, i - NEIGHBOURHOOD_LINES);
    const end = Math.min(next[i] as number, i + NEIGHBOURHOOD_LINES + 1);
    const lonelyBefore = (lonely[i] as number) - (lonely[first] as number);
    const lonelyBehind = (lonely[end] as number) - (lonely[i + 1] as number);
    if (lonelyBefore === 0 || lonelyBehind === 0) continue;
    // the line itself counts on both sides
    const common = i - first - lonelyBefore + (end - i - 1 - lonelyBehind) + 2;
    if (lonelyBefore + lonelyBehind > LONELY_PER_COMMON * common) marks[i] = 1;
  }
  return marks;
}
