import { findName, hasName, name, nameLength, startNames } from "./function-name";
import { Change } from "./hunks";
import { reserve } from "./memory";
import { Text } from "./text";

const LINE_FEED: u8 = 10;
const SPACE: u8 = 32;
const COMMA: u8 = 44;
const KEPT: u8 = 32;
const DELETED: u8 = 45;
const ADDED: u8 = 43;
/** `@@ -`, ` @@` and a line feed as little-endian words. */
const OPENING: u32 = 0x2d204040;
const CLOSING: u32 = 0x0a404020;
/** More than a hunk's header can have: four numbers, a function name, and what stands between. */
const MAX_HEADER_BYTES: usize = 160;
const NO_FINAL_LINE_FEED: usize = memory.data<u8>([
  // "\n\ No newline at end of file\n"
  10, 92, 32, 78, 111, 32, 110, 101, 119, 108, 105, 110, 101, 32, 97, 116, 32, 101, 110, 100, 32, 111, 102, 32, 102,
  105, 108, 101, 10,
]);
const NO_FINAL_LINE_FEED_BYTES: usize = 29;
/** Longer lines are copied by one instruction, which costs a call. */
const LONG_LINE_BYTES: i32 = 256;

/** How many lines were printed as deleted, and added. */
export let deletions: i32 = 0;
export let additions: i32 = 0;
/** The address of what was printed, and its length. */
export let output: usize = 0;
export let outputLength: usize = 0;

/** Where the next byte goes. */
let at: usize = 0;
const change: Change = new Change();
/** The first and the last change of a hunk; its first and its last line are those of the lines around it. */
const first: Change = new Change();
const last: Change = new Change();
const hunk: Change = new Change();

/**
 * Prints the hunks of two marked files, from the first `@@` to the last line feed. Changes that at most twice
 * `contextLines` unchanged lines part are in one hunk, with `contextLines` around it, as far as there are any.
 *
 * @param hasPattern whether function names are matched by the caller's pattern
 */
export function printHunks(before: Text, after: Text, contextLines: i32, hasPattern: bool): void {
  deletions = 0;
  additions = 0;
  startNames();
  output = reserve(0);
  at = output;
  change.beforeEnd = change.afterEnd = 0;
  let more = change.next(before, after);
  while (more) {
    first.set(change);
    do {
      last.set(change);
      more = change.next(before, after);
    } while (more && change.beforeStart - last.beforeEnd <= 2 * contextLines);
    const behind = min(contextLines, before.count - last.beforeEnd);
    hunk.beforeStart = max(0, first.beforeStart - contextLines);
    hunk.afterStart = max(0, first.afterStart - contextLines);
    hunk.beforeEnd = last.beforeEnd + behind;
    hunk.afterEnd = last.afterEnd + behind;
    printHunk(before, after, hasPattern);
  }
  outputLength = at - output;
}

function printHunk(before: Text, after: Text, hasPattern: bool): void {
  const beforeStart = hunk.beforeStart;
  const beforeEnd = hunk.beforeEnd;
  const afterStart = hunk.afterStart;
  const afterEnd = hunk.afterEnd;
  // each line is at most printed once for either file
  const bytes = sizeOf(before, beforeStart, beforeEnd) + sizeOf(after, afterStart, afterEnd);
  reserve(at - output + bytes + MAX_HEADER_BYTES + 2 * NO_FINAL_LINE_FEED_BYTES);
  findName(before, beforeStart, hasPattern);
  printHeader();

  let oldLine = beforeStart;
  let newLine = afterStart;
  while (oldLine < beforeEnd || newLine < afterEnd) {
    // the unchanged lines up to the next change, and that
    let changed = newLine;
    while (changed < afterEnd && !after.isChanged(changed) && !before.isChanged(oldLine)) {
      changed += 1;
      oldLine += 1;
    }
    printLines(KEPT, after, newLine, changed);
    let oldEnd = oldLine;
    while (before.isChanged(oldEnd)) oldEnd += 1;
    let newEnd = changed;
    while (after.isChanged(newEnd)) newEnd += 1;
    printLines(DELETED, before, oldLine, oldEnd);
    printLines(ADDED, after, changed, newEnd);
    deletions += oldEnd - oldLine;
    additions += newEnd - changed;
    oldLine = oldEnd;
    newLine = newEnd;
  }
}

function sizeOf(text: Text, from: i32, to: i32): usize {
  return text.start(to) - text.start(from) + ((to - from) as usize);
}

function printHeader(): void {
  store<u32>(at, OPENING);
  at += 4;
  printRange(hunk.beforeStart, hunk.beforeEnd);
  put(SPACE);
  put(ADDED);
  printRange(hunk.afterStart, hunk.afterEnd);
  store<u32>(at, CLOSING);
  at += 3;
  if (hasName) {
    put(SPACE);
    memory.copy(at, name, nameLength);
    at += nameLength;
  }
  put(LINE_FEED);
}

/** Line numbers count from 1; an empty range names the line before it; a length of 1 is left out. */
function printRange(start: i32, end: i32): void {
  const length = end - start;
  printNumber(length === 0 ? start : start + 1);
  if (length === 1) return;
  put(COMMA);
  printNumber(length);
}

function put(byte: u8): void {
  store<u8>(at, byte);
  at += 1;
}

/** In decimal digits. */
function printNumber(value: u32): void {
  let end = at + 1;
  for (let rest = value; rest >= 10; rest /= 10) end += 1;
  at = end;
  for (let rest = value; ; rest /= 10) {
    end -= 1;
    store<u8>(end, (48 + (rest % 10)) as u8);
    if (rest < 10) return;
  }
}

function printLines(sign: u8, text: Text, from: i32, to: i32): void {
  let start = text.start(from);
  let next = at;
  for (let line = from; line < to; line += 1) {
    const end = text.start(line + 1);
    const length = (end - start) as i32;
    store<u8>(next, sign);
    next += 1;
    if (length > LONG_LINE_BYTES) memory.copy(next, start, length as usize);
    // vectors reach beyond the line's end; what is printed next, or the room behind everything, takes it
    else for (let i = 0; i < length; i += 16) v128.store(next + (i as usize), v128.load(start + (i as usize)));
    next += length as usize;
    start = end;
  }
  at = next;
  // only a file's last line can lack its line feed
  if (from < to && load<u8>(next - 1) !== LINE_FEED) {
    memory.copy(next, NO_FINAL_LINE_FEED, NO_FINAL_LINE_FEED_BYTES);
    at = next + NO_FINAL_LINE_FEED_BYTES;
  }
}
