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
  memory.fill(filter, 0, FILTER_BYTES);
  for (let found = 0; found < classCount; found += 1) {
    const record = recordOf(found);
    const key = keyOf(load<u32>(record), load<u32>(record + LENGTH));
    const byte = filter + ((key >>> 3) as usize);
    const bit: i32 = 1 << (key & 7);
    store<u8>(byte, load<u8>(byte) | (bit as u8));
  }
  countLines(before, 0, head);
  countLines(before, before.count - tail, before.count);
}

function countLines(text: Text, from: i32, to: i32): void {
  for (let line = from; line < to; line += 1) {
    const start = text.start(line);
    const length = text.start(line + 1) - start;
    const key = keyOf(start, length);
    if ((load<u8>(filter + ((key >>> 3) as usize)) >>> (key & 7)) & 1) countLine(start, length);
  }
}

/** By key, whether there is a class that has it: most lines at the ends have none, and need not be hashed. */
const FILTER_BYTES: usize = 2048;
const filter: usize = memory.data(2048);
const KEY_BITS: u64 = 14;

/** A number of 14 bits, from a line's length and its last 8 bytes. */
function keyOf(start: usize, length: usize): i32 {
  const missing = max(8 - (length as i32), 0);
  const last = load<u64>(start + length - 8) >>> ((missing << 3) as u64);
  return (((last ^ (length as u64)) * KEY_MULTIPLIER) >>> (64 - KEY_BITS)) as i32;
}

/** An odd number without a pattern: 2^64 over the golden ratio. */
const KEY_MULTIPLIER: u64 = 0x9e3779b97f4a7c15;

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

function countLine(start: usize, length: usize): void {
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
