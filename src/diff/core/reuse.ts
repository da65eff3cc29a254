import { advanceBackward, advanceForward, LONG_SNAKE } from "./advance";
import { Frontier } from "./frontier";
import { backward, bottom, forward, left, right, top } from "./graph";
import { reachBackward, reachForward } from "./read-off";
import { exactBefore, SETTLE_EDITS } from "./settle";

// A search that settled for the best path from one corner goes on behind that path, with the other corner as it was.
// The paths from there would come to be just as they are, so they are kept: a third of the work in files that have
// little in common. That holds as long as nothing that is nearer now, the box's sides or paths from the new corner,
// could have stopped them on their way.

/** From which corner paths are kept: the upper left one, the lower right one, or neither. */
let forwardKept: bool = false;
let backwardKept: bool = false;
/** The corner. */
let cornerX: i32 = 0;
let cornerY: i32 = 0;

export function dropPaths(): void {
  forwardKept = false;
  backwardKept = false;
}

/** Keeps the paths from the corner that the part that is not exact shares with the box, which has just been split. */
export function keepPaths(): void {
  backwardKept = exactBefore;
  forwardKept = !exactBefore;
  cornerX = exactBefore ? right : left;
  cornerY = exactBefore ? bottom : top;
}

/**
 * Goes on with the paths that are kept from one corner, of `edits` edits, and finds those of as many from the other.
 * @returns whether it was possible: if not, all are to be found anew
 */
export function goOn(edits: i32): bool {
  if (backwardKept && cornerX === right && cornerY === bottom && isWithinBox(backward, edits)) {
    const leastX = lowestX(backward);
    const leastY = lowestY(backward);
    // sides of the box, where paths end, are further off
    if (leastX <= left || leastY <= top) return false;
    if (!reachForward(edits, reachOf(right - leastX, bottom - leastY)) && !followForward(edits)) return false;
    return highestX(forward) < leastX || highestY(forward) < leastY;
  }
  if (forwardKept && cornerX === left && cornerY === top && isWithinBox(forward, edits)) {
    const mostX = highestX(forward);
    const mostY = highestY(forward);
    if (mostX >= right || mostY >= bottom) return false;
    if (!reachBackward(edits, reachOf(mostX - left, mostY - top)) && !followBackward(edits)) return false;
    return lowestX(backward) > mostX || lowestY(backward) > mostY;
  }
  return false;
}

/** How many lines paths from one corner are likely to come over, when from the other they came over so many. */
function reachOf(x: i32, y: i32): i32 {
  const furthest = max(x, y);
  return furthest + (furthest >> 4) + 32;
}

function followForward(edits: i32): bool {
  forward.start(left - bottom, right - top, left, top);
  for (let i = 1; i <= edits; i += 1) {
    forward.widen();
    if (advanceForward(false) === LONG_SNAKE && i > SETTLE_EDITS) return false;
  }
  return true;
}

function followBackward(edits: i32): bool {
  backward.start(left - bottom, right - top, right, bottom);
  for (let i = 1; i <= edits; i += 1) {
    backward.widen();
    if (advanceBackward(false) === LONG_SNAKE && i > SETTLE_EDITS) return false;
  }
  return true;
}

/** Whether the kept paths had all diagonals to themselves, and would have them in the box. */
function isWithinBox(frontier: Frontier, edits: i32): bool {
  const low = frontier.middle - edits;
  const high = frontier.middle + edits;
  return frontier.low === low && frontier.high === high && low >= left - bottom && high <= right - top;
}

function lowestX(frontier: Frontier): i32 {
  let lowest = i32.MAX_VALUE;
  for (let d = frontier.low; d <= frontier.high; d += 2) lowest = min(lowest, frontier.reached(d));
  return lowest;
}

function lowestY(frontier: Frontier): i32 {
  let lowest = i32.MAX_VALUE;
  for (let d = frontier.low; d <= frontier.high; d += 2) lowest = min(lowest, frontier.reached(d) - d);
  return lowest;
}

function highestX(frontier: Frontier): i32 {
  let highest = i32.MIN_VALUE;
  for (let d = frontier.low; d <= frontier.high; d += 2) highest = max(highest, frontier.reached(d));
  return highest;
}

function highestY(frontier: Frontier): i32 {
  let highest = i32.MIN_VALUE;
  for (let d = frontier.low; d <= frontier.high; d += 2) highest = max(highest, frontier.reached(d) - d);
  return highest;
}
