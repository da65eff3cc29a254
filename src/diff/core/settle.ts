import { SNAKE_LINES } from "./advance";
import { backward, bottom, forward, isSame, left, right, top } from "./graph";

/** From this many edits on, in each direction, a search may settle for a good place to split. */
export const SETTLE_EDITS: i32 = 256;
/** A path is worth splitting at when it has come this many times as far as it has edits. */
const WORTH_PER_EDIT: i32 = 4;

/** Where a box is split in two, and whether the shortest script must be found in the parts. */
export let splitX: i32 = 0;
export let splitY: i32 = 0;
export let exactBefore: bool = false;
export let exactBehind: bool = false;
/** At most how many edits the shortest script of an exact part has. */
export let partEdits: i32 = 0;

export function splitAt(x: i32, y: i32, before: bool, behind: bool, edits: i32): void {
  partEdits = edits;
  splitX = x;
  splitY = y;
  exactBefore = before;
  exactBehind = behind;
}

/**
 * A search that has become expensive and has seen long runs of equal lines: the path that has come furthest, edits and
 * distance from the corner's diagonal weighed, and whose end is such a run. Paths from the upper left corner first.
 * @returns whether there is one
 */
export function settleForSnake(edits: i32): bool {
  return bestForward(edits) || bestBackward(edits);
}

function bestForward(edits: i32): bool {
  const least = WORTH_PER_EDIT * edits;
  let best = least;
  for (let d = forward.high; d >= forward.low; d -= 2) {
    const x = forward.reached(d);
    const y = x - d;
    const worth = x - left + (y - top) - abs(d - forward.middle);
    if (worth <= best || x < left + SNAKE_LINES || x >= right || y < top + SNAKE_LINES || y >= bottom) continue;
    if (!isRun(x - SNAKE_LINES, y - SNAKE_LINES)) continue;
    best = worth;
    splitAt(x, y, true, false, edits);
  }
  return best > least;
}

function bestBackward(edits: i32): bool {
  const least = WORTH_PER_EDIT * edits;
  let best = least;
  for (let d = backward.high; d >= backward.low; d -= 2) {
    const x = backward.reached(d);
    const y = x - d;
    const worth = right - x + (bottom - y) - abs(d - backward.middle);
    if (worth <= best || x <= left || x > right - SNAKE_LINES || y <= top || y > bottom - SNAKE_LINES) continue;
    if (!isRun(x, y)) continue;
    best = worth;
    splitAt(x, y, false, true, edits);
  }
  return best > least;
}

function isRun(x: i32, y: i32): bool {
  for (let i = 0; i < SNAKE_LINES; i += 1) if (!isSame(x + i, y + i)) return false;
  return true;
}

/**
 * A search that costs too much: splits at the point, of all paths from both corners, that is furthest from its corner.
 * Only the part behind the path that was found is searched for its shortest script.
 */
export function settleForBest(edits: i32): void {
  let furthest = -1;
  let furthestX = -1;
  for (let d = forward.high; d >= forward.low; d -= 2) {
    let x = min(forward.reached(d), right);
    if (x - d > bottom) x = bottom + d;
    if (2 * x - d > furthest) {
      furthest = 2 * x - d;
      furthestX = x;
    }
  }
  let nearest = i32.MAX_VALUE;
  let nearestX = -1;
  for (let d = backward.high; d >= backward.low; d -= 2) {
    let x = max(backward.reached(d), left);
    if (x - d < top) x = top + d;
    if (2 * x - d < nearest) {
      nearest = 2 * x - d;
      nearestX = x;
    }
  }
  if (right + bottom - nearest < furthest - (left + top)) splitAt(furthestX, furthest - furthestX, true, false, edits);
  else splitAt(nearestX, nearest - nearestX, false, true, edits);
}
