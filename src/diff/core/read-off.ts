import { fillBits, findFurthest, longestCommon, mostLines } from "./bits";
import { Frontier } from "./frontier";
import { backward, bottom, classesAfter, classesBefore, forward, left, right, top } from "./graph";
import { allocate } from "./memory";
import { mayHaveRuns } from "./runs";
import { splitAt } from "./settle";

// Where paths come to and where they meet, read off from longest common subsequences: just what following them would
// find. Paths that are followed may leave the box for a while; but paths that meet in the round in which they first can
// have not.

/** By diagonal, 0 in the middle, how far paths come from either corner. */
let fromUpperLeft: usize = 0;
let fromLowerRight: usize = 0;

export function loadReadOff(): void {
  const size = ((2 * mostLines + 2) as usize) << 2;
  fromUpperLeft = allocate(size) + (size >>> 1);
  fromLowerRight = allocate(size) + (size >>> 1);
}

/** Whether that costs less than following paths, which have to look at so many diagonals. */
function isWorth(diagonals: i32, edits: i32, width: i32, height: i32): bool {
  if (width > mostLines || height > mostLines) return false;
  const words = (width + 63) >>> 6;
  return diagonals > 4 * words * height + 24 * edits + 12 * (width + height);
}

/**
 * Splits the box where paths meet.
 * @param edits about how many the shortest script has
 * @returns whether it was possible, and worth it
 */
export function meetByBits(edits: i32): bool {
  const width = right - left;
  const height = bottom - top;
  if (!isWorth((edits * edits) >> 2, edits, width, height)) return false;
  fillUpperLeft(width, height);
  const all = width + height - 2 * longestCommon(width, height);
  const there = (all + 1) >> 1;
  const back = all >> 1;
  findFurthest(there, width, height, fromUpperLeft);
  fillLowerRight(width, height);
  findFurthest(back, width, height, fromLowerRight);

  // the round in which paths meet is the last one: from the upper left corner if the edits are odd. The highest diagonal
  // on which they do is taken.
  const shift = width - height;
  const isForward = there !== back;
  let d = isForward ? there : shift + back;
  const low = isForward ? -there : shift - back;
  for (; d >= low; d -= 2) {
    if (abs(d) > there || abs(shift - d) > back || d < -height || d > width) continue;
    const x = load<i32>(fromUpperLeft + ((d << 2) as usize));
    const opposite = width - load<i32>(fromLowerRight + (((shift - d) << 2) as usize));
    if (x < opposite) continue;
    const met = isForward ? x : opposite;
    splitAt(left + met, top + met - d, true, true, there);
    return true;
  }
  return false;
}

/** Finds the paths of so many edits from the upper left corner, which are within `reach` lines of it. */
export function reachForward(edits: i32, reach: i32): bool {
  const width = min(right - left, reach);
  const height = min(bottom - top, reach);
  if (!isWorth((edits * edits) >> 1, edits, width, height) || mayHaveRuns(left, left + width)) return false;
  fillUpperLeft(width, height);
  if (!findFurthest(edits, width, height, fromUpperLeft)) return false;
  forward.start(left - bottom, right - top, left, top);
  const middle = forward.middle;
  for (let d = -edits; d <= edits; d += 2) {
    store<i32>(forward.at(middle + d), left + load<i32>(fromUpperLeft + ((d << 2) as usize)));
  }
  setRange(forward, edits);
  return true;
}

/** As {@link reachForward}, from the lower right corner. */
export function reachBackward(edits: i32, reach: i32): bool {
  const width = min(right - left, reach);
  const height = min(bottom - top, reach);
  if (!isWorth((edits * edits) >> 1, edits, width, height) || mayHaveRuns(right - width, right)) return false;
  fillLowerRight(width, height);
  if (!findFurthest(edits, width, height, fromLowerRight)) return false;
  backward.start(left - bottom, right - top, right, bottom);
  const middle = backward.middle;
  for (let d = -edits; d <= edits; d += 2) {
    store<i32>(backward.at(middle - d), right - load<i32>(fromLowerRight + ((d << 2) as usize)));
  }
  setRange(backward, edits);
  return true;
}

function setRange(frontier: Frontier, edits: i32): void {
  frontier.low = frontier.middle - edits;
  frontier.high = frontier.middle + edits;
}

function fillUpperLeft(width: i32, height: i32): void {
  const one = classesBefore + ((left as usize) << 2);
  fillBits(one, width, classesAfter + ((top as usize) << 2), height, 4);
}

function fillLowerRight(width: i32, height: i32): void {
  const one = classesBefore + (((right - 1) as usize) << 2);
  fillBits(one, width, classesAfter + (((bottom - 1) as usize) << 2), height, -4);
}
