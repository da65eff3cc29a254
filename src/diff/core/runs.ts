import { SNAKE_LINES } from "./advance";
import { classesAfter, classesBefore } from "./graph";
import { allocate } from "./memory";

// Where the kept lines have runs in common that a search would take for long snakes. Only where there are none, paths may
// be found without following them.

const RUN_LINES: i32 = SNAKE_LINES + 1;
const MULTIPLIER: i32 = 0x9e3779b1 as i32;

/** By line before, how many lines there are in front of it at which a long run that both files have may begin. */
let counts: usize = 0;
/** The hashes of all runs after: an open-addressing table, in which 0 is free. */
let hashes: usize = 0;
let mask: i32 = 0;
let width: i32 = 0;
let height: i32 = 0;
let isFound: bool = false;

/** Makes room for files of so many kept lines. */
export function loadRuns(before: i32, after: i32): void {
  width = before;
  height = after;
  counts = allocate(((before + 1) as usize) << 2);
  mask = (4 << (31 - clz(after | 1))) - 1;
  hashes = allocate(((mask + 1) as usize) << 2);
  isFound = false;
}

/** Whether the kept lines `[from, to)` before may have a long run in common with some after. */
export function mayHaveRuns(from: i32, to: i32): bool {
  if (!isFound) findRuns();
  isFound = true;
  return countOf(from) !== countOf(to);
}

function countOf(line: i32): i32 {
  return load<i32>(counts + ((line as usize) << 2));
}

function findRuns(): void {
  memory.fill(hashes, 0, ((mask + 1) as usize) << 2);
  let power = 1;
  for (let i = 1; i < RUN_LINES; i += 1) power *= MULTIPLIER;
  let hash = 0;
  for (let y = 0; y < height; y += 1) {
    hash = rolled(hash, classesAfter, y, power);
    if (y >= RUN_LINES - 1) store<i32>(find(hash), nonzero(hash));
  }
  hash = 0;
  let count = 0;
  for (let x = 0; x < width; x += 1) {
    hash = rolled(hash, classesBefore, x, power);
    // a run is counted where it begins
    const begin = x - RUN_LINES + 1;
    if (begin < 0) continue;
    store<i32>(counts + ((begin as usize) << 2), count);
    if (load<i32>(find(hash)) !== 0) count += 1;
  }
  for (let x = max(0, width - RUN_LINES + 1); x <= width; x += 1) store<i32>(counts + ((x as usize) << 2), count);
}

/** The hash of the run that ends with a line, from that of the run before. */
function rolled(hash: i32, classes: usize, line: i32, power: i32): i32 {
  let kept = hash;
  if (line >= RUN_LINES) kept -= power * (load<i32>(classes + (((line - RUN_LINES) as usize) << 2)) + 1);
  return kept * MULTIPLIER + load<i32>(classes + ((line as usize) << 2)) + 1;
}

function nonzero(hash: i32): i32 {
  return hash === 0 ? 1 : hash;
}

function find(hash: i32): usize {
  const wanted = nonzero(hash);
  let place = (hash ^ (hash >>> 15)) & mask;
  let slot = hashes + ((place as usize) << 2);
  while (load<i32>(slot) !== 0 && load<i32>(slot) !== wanted) {
    place = (place + 1) & mask;
    slot = hashes + ((place as usize) << 2);
  }
  return slot;
}
