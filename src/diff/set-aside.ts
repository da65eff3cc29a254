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

/**
 * Leaves out of the search what would only mislead or slow it: lines without a counterpart in the other file, and
 * lines with very many that stand among such. They are marked as changed; the numbers of the others go into `kept`.
 *
 * @param from the lines `[from, to)` have classes; the others are common to both files
 * @param counterparts by class, how often it stands in the whole other file
 */
export function setAside(text: Text, from: number, to: number, counterparts: Int32Array): void {
  const { classes, kept, changed, kinds } = text;
  const many = Math.min(powerOfTwoRoot(text.count), MANY_COUNTERPARTS);
  const size = to - from;
  let anyMany = false;
  for (let i = 0; i < size; i += 1) {
    const found = counterparts[classes[from + i] as number] as number;
    kinds[i] = found === 0 ? NONE : found < many ? SOME : MANY;
    if (found >= many) anyMany = true;
  }

  const misleading = anyMany ? standsAmongLonely(kinds.subarray(0, size)) : undefined;
  let count = 0;
  for (let i = 0; i < size; i += 1) {
    if (kinds[i] === NONE || misleading?.[i] === 1) changed[from + i] = 1;
    else kept[count++] = from + i;
  }
  text.keptCount = count;
}

/**
 * Marks the lines with very many counterparts of whose neighbours, on both sides as far as the next line with some,
 * enough have none.
 */
function standsAmongLonely(kinds: Uint8Array): Uint8Array {
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
