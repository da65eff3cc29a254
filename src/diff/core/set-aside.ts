import { recordOf } from "./classes";
import { allocate } from "./memory";
import { Text } from "./text";

/** A line with this many counterparts or more has very many, however long the file is. */
const MANY_COUNTERPARTS: i32 = 1024;
/** How far before and behind a line its neighbourhood reaches. */
const NEIGHBOURHOOD_LINES: i32 = 100;
/** A line with very many counterparts is left out when more than 3 in 4 lines around it have none. */
const LONELY_PER_COMMON: i32 = 3;

/** How many counterparts a line has in the other file. */
const NONE: u8 = 0;
const SOME: u8 = 1;
const MANY: u8 = 2;

/** A power of two near the square root of `n`: 2 to the number of base-4 digits of `n`. 1 for 0. */
export function powerOfTwoRoot(n: i32): i32 {
  return 1 << ((33 - clz(n)) >>> 1);
}

/** Lets every line of `[from, to)` take part in the search. */
export function keepAll(text: Text, from: i32, to: i32): void {
  const size = to - from;
  text.kept = allocate((size as usize) << 2);
  for (let i = 0; i < size; i += 1) put(text.kept, i, from + i);
  text.keptCount = size;
}

/**
 * Leaves out of the search what would only mislead or slow it: lines without a counterpart in the other file, and
 * lines with very many that stand among such. They are marked as changed; the numbers of the others go into `kept`.
 *
 * @param from the lines `[from, to)` have classes; the others are common to both files
 * @param counterparts where a class's record says how often it stands in the whole other file
 */
export function setAside(text: Text, from: i32, to: i32, counterparts: usize): void {
  const size = to - from;
  const many = min(powerOfTwoRoot(text.count), MANY_COUNTERPARTS);
  const kinds = allocate(size as usize);
  let anyMany = false;
  for (let i = 0; i < size; i += 1) {
    const found = load<i32>(recordOf(text.classOf(from + i)) + counterparts);
    store<u8>(kinds + (i as usize), found === 0 ? NONE : found < many ? SOME : MANY);
    if (found >= many) anyMany = true;
  }

  if (anyMany) leaveOutAmongLonely(kinds, size);
  text.kept = allocate((size as usize) << 2);
  let count = 0;
  for (let i = 0; i < size; i += 1) {
    const isKept = load<u8>(kinds + (i as usize)) !== NONE;
    text.mark(from + i, isKept ? 0 : 1);
    put(text.kept, count, from + i);
    count += isKept ? 1 : 0;
  }
  text.keptCount = count;
}

/**
 * Turns lines with very many counterparts into ones with none where, of their neighbours on both sides as far as the
 * next line with some, enough have none.
 */
function leaveOutAmongLonely(kinds: usize, size: i32): void {
  // lonely[i]: how many of the lines before i have no counterpart; next[i]: the first line from i on that has some
  const lonely = allocate(((size + 1) as usize) << 2);
  const next = allocate(((size + 1) as usize) << 2);
  put(lonely, 0, 0);
  put(next, size, size);
  for (let i = 0; i < size; i += 1) put(lonely, i + 1, get(lonely, i) + (kind(kinds, i) === NONE ? 1 : 0));
  for (let i = size - 1; i >= 0; i -= 1) put(next, i, kind(kinds, i) === SOME ? i : get(next, i + 1));

  let runStart = 0;
  for (let i = 0; i < size; i += 1) {
    if (kind(kinds, i) === SOME) runStart = i + 1;
    if (kind(kinds, i) !== MANY) continue;
    const first = max(runStart, i - NEIGHBOURHOOD_LINES);
    const end = min(get(next, i), i + NEIGHBOURHOOD_LINES + 1);
    const lonelyBefore = get(lonely, i) - get(lonely, first);
    const lonelyBehind = get(lonely, end) - get(lonely, i + 1);
    if (lonelyBefore === 0 || lonelyBehind === 0) continue;
    // the line itself counts on both sides
    const common = i - first - lonelyBefore + (end - i - 1 - lonelyBehind) + 2;
    if (lonelyBefore + lonelyBehind > LONELY_PER_COMMON * common) store<u8>(kinds + (i as usize), NONE);
  }
}

function kind(kinds: usize, i: i32): u8 {
  return load<u8>(kinds + (i as usize));
}

function get(array: usize, i: i32): i32 {
  return load<i32>(array + ((i as usize) << 2));
}

function put(array: usize, i: i32, value: i32): void {
  store<i32>(array + ((i as usize) << 2), value);
}
