import { same } from "./bytes";
import { hashOf } from "./hash";
import { allocate } from "./memory";
import { Text } from "./text";

// Numbers the distinct lines of two files: two lines are the same bytes if and only if they have the same number, so
// that the search compares integers. Counts how often each stands in either file.

/** An open-addressing table of places for two numbers: class + 1, 0 when the place is free, and the line's hash. */
let slots: usize = 0;
let mask: u32 = 0;
const SLOT_LOG2: usize = 3;
const SLOT_BYTES: usize = 8;

/** By class: address and length of a line, and how many lines of the file before, and of the file after, are of it. */
let records: usize = 0;
const RECORD_LOG2: usize = 4;
const LENGTH: usize = 4;
/** Where a record has its count of lines before, and after. */
export const BEFORE: usize = 8;
export const AFTER: usize = 12;

/** How many classes there are. */
export let classCount: i32 = 0;
/** How many classes stand in both files' numbered lines, and how many in one's alone. */
export let shared: i32 = 0;
export let lonely: i32 = 0;

export function recordOf(found: i32): usize {
  return records + ((found as usize) << RECORD_LOG2);
}

/** Numbers the lines between `head` and `tail` common ones, into `classes` of either text. */
export function numberLines(before: Text, after: Text, head: i32, tail: i32): void {
  const beforeEnd = before.count - tail;
  const afterEnd = after.count - tail;
  const lines = beforeEnd - head + (afterEnd - head);
  const size = 2 << (31 - clz(lines | 1));
  mask = (size << 1) - 1;
  slots = allocate(((mask as usize) + 1) << SLOT_LOG2);
  memory.fill(slots, 0, ((mask as usize) + 1) << SLOT_LOG2);
  records = allocate((lines as usize) << RECORD_LOG2);
  before.classes = allocate((before.count as usize) << 2);
  after.classes = allocate((after.count as usize) << 2);
  classCount = 0;
  for (let line = head; line < beforeEnd; line += 1) number(before, line, BEFORE);
  const known = classCount;
  shared = 0;
  for (let line = head; line < afterEnd; line += 1) {
    const found = number(after, line, AFTER);
    if (found < known && load<i32>(recordOf(found) + AFTER) === 1) shared += 1;
  }
  lonely = classCount - shared;
}

/** Counts the lines that both files have alike at their ends, as far as they have classes. */
export function countEnds(before: Text, head: i32, tail: i32): void {
  for (let line = 0; line < head; line += 1) countLine(before, line);
  for (let line = before.count - tail; line < before.count; line += 1) countLine(before, line);
}

function number(text: Text, line: i32, side: usize): i32 {
  const start = text.start(line);
  const length = text.start(line + 1) - start;
  const hash = hashOf(start, length);
  const slot = find(start, length, hash);
  let found = load<i32>(slot) - 1;
  if (found < 0) {
    found = classCount++;
    store<i32>(slot, classCount);
    store<u32>(slot + 4, hash);
    const created = recordOf(found);
    store<u32>(created, start);
    store<u32>(created + LENGTH, length);
    store<u64>(created + BEFORE, 0);
  }
  const counter = recordOf(found) + side;
  store<i32>(counter, load<i32>(counter) + 1);
  store<i32>(text.classes + ((line as usize) << 2), found);
  return found;
}

function countLine(text: Text, line: i32): void {
  const start = text.start(line);
  const length = text.start(line + 1) - start;
  const found = load<i32>(find(start, length, hashOf(start, length))) - 1;
  if (found < 0) return;
  const record = recordOf(found);
  store<i32>(record + BEFORE, load<i32>(record + BEFORE) + 1);
  store<i32>(record + AFTER, load<i32>(record + AFTER) + 1);
}

/** The place of a line, or the free one where it would be. */
function find(start: usize, length: usize, hash: u32): usize {
  let slot = slots + (((hash & mask) as usize) << SLOT_LOG2);
  while (load<i32>(slot) !== 0) {
    if (load<u32>(slot + 4) === hash) {
      const record = recordOf(load<i32>(slot) - 1);
      if (load<u32>(record + LENGTH) === (length as u32) && same(load<u32>(record), start, length)) break;
    }
    slot = slots + ((slot + SLOT_BYTES - slots) & ((mask as usize) << SLOT_LOG2));
  }
  return slot;
}
