import { allocate } from "./memory";

// How long the longest common subsequence of two runs of lines is, for all pairs of their beginnings at once, 64 in one
// word: M. Crochemore et al., "A fast and practical bit-vector algorithm for the longest common subsequence problem",
// Information Processing Letters 80 (2001). What a search finds by following paths, it then reads off: of `edits` edits
// a path comes as far on a diagonal as x + y - 2 L(x, y) stays at most `edits`. Where nearly everything is edited, that is
// many times as fast.

/** Runs have at most so many lines. */
export let mostLines: i32 = 0;
/** Bytes of a row, and of its counts. */
let rowBytes: usize = 0;
let countsBytes: usize = 0;

/** By row, which are the x where L(x, y) is larger than L(x - 1, y), and how many such there are before each word. */
let rows: usize = 0;
let counts: usize = 0;
/** By class: where `masks` has it, if that is in use. The masks tell at which x a class stands. */
let places: usize = 0;
let masks: usize = 0;
let placed: i32 = 0;
let words: i32 = 0;
/** The row that is being worked at: where L does not grow. */
let flat: usize = 0;

/** Makes room, for runs of so many lines of so many classes. @param most a multiple of 64 */
export function loadBits(classes: i32, most: i32): void {
  mostLines = most;
  rowBytes = (most as usize) >>> 3;
  countsBytes = ((most as usize) >>> 5) + 16;
  const lines = (most + 1) as usize;
  rows = allocate(lines * rowBytes);
  counts = allocate(lines * countsBytes);
  masks = allocate(lines * rowBytes);
  flat = allocate(rowBytes);
  places = allocate((classes as usize) << 2);
  memory.fill(places, 0xff, (classes as usize) << 2);
}

/**
 * Takes two runs of classes.
 * @param one the address of the first of `width` classes
 * @param other the address of the first of `height` classes
 * @param step from one class to the next, in bytes: 4, or -4 for runs that are looked at from behind
 */
export function fillBits(one: usize, width: i32, other: usize, height: i32, step: usize): void {
  words = (width + 63) >>> 6;
  const bytes = (words as usize) << 3;
  placed = 0;
  for (let x = 0; x < width; x += 1) {
    const place = placeOf(load<i32>(one + (x as usize) * step));
    const word = masks + (place as usize) * rowBytes + (((x >>> 6) as usize) << 3);
    store<u64>(word, load<u64>(word) | ((1 as u64) << ((x & 63) as u64)));
  }
  memory.fill(rows, 0, bytes);
  memory.fill(counts, 0, countsBytes);
  memory.fill(flat, 0xff, bytes);
  for (let y = 0; y < height; y += 1) {
    const place = load<i32>(places + ((load<i32>(other + (y as usize) * step) as usize) << 2));
    addRow(place, rows + ((y + 1) as usize) * rowBytes, counts + ((y + 1) as usize) * countsBytes);
  }
  for (let x = 0; x < width; x += 1) {
    store<i32>(places + ((load<i32>(one + (x as usize) * step) as usize) << 2), -1);
  }
}

function placeOf(found: i32): i32 {
  const at = places + ((found as usize) << 2);
  let place = load<i32>(at);
  if (place >= 0) return place;
  place = placed;
  placed += 1;
  store<i32>(at, place);
  memory.fill(masks + (place as usize) * rowBytes, 0, (words as usize) << 3);
  return place;
}

/** @param place of the row's class, -1 when it stands at no x */
function addRow(place: i32, row: usize, rowCounts: usize): void {
  const mask = masks + (place as usize) * rowBytes;
  let carry: u64 = 0;
  let count = 0;
  for (let i = 0; i < words; i += 1) {
    const at = (i as usize) << 3;
    const before = load<u64>(flat + at);
    let after = before;
    if (place >= 0) {
      const here = before & load<u64>(mask + at);
      const sum = before + here + carry;
      carry = ((before & here) | ((before | here) & ~sum)) >>> 63;
      after = sum | (before & ~here);
      store<u64>(flat + at, after);
    }
    store<u64>(row + at, ~after);
    store<u16>(rowCounts + ((i as usize) << 1), count as u16);
    count += popcnt(~after) as i32;
  }
  store<u16>(rowCounts + ((words as usize) << 1), count as u16);
}

/** L(x, y): the longest common subsequence of the first `x` and the first `y` lines. */
export function longestCommon(x: i32, y: i32): i32 {
  const word = x >>> 6;
  const bits = load<u64>(rows + (y as usize) * rowBytes + ((word as usize) << 3));
  const before = load<u16>(counts + (y as usize) * countsBytes + ((word as usize) << 1)) as i32;
  return before + (popcnt(bits & (((1 as u64) << ((x & 63) as u64)) - 1)) as i32);
}

/**
 * How far paths of `edits` edits come, by diagonal, from the corner where the runs begin: as far as their ends at most.
 * @param furthest where the x on diagonal 0 goes; others before and behind it
 * @returns whether no path came to an end of a run
 */
export function findFurthest(edits: i32, width: i32, height: i32, furthest: usize): bool {
  const highest = edits - (max(edits - width + 1, 0) & ~1);
  const lowest = -min(edits, height);
  let isInside = edits < width && edits < height;
  // from one diagonal to the next, the furthest point is never far
  let x = highest;
  let y = 0;
  for (let d = highest; d >= lowest; d -= 2) {
    while (y > height || x + y - 2 * longestCommon(x, y) > edits) {
      x -= 1;
      y -= 1;
    }
    while (x < width && y < height && x + y + 2 - 2 * longestCommon(x + 1, y + 1) <= edits) {
      x += 1;
      y += 1;
    }
    if (x === width || y === height) isInside = false;
    store<i32>(furthest + ((d << 2) as usize), x);
    x = max(x - 1, 0);
    y = x - (d - 2);
  }
  return isInside;
}
