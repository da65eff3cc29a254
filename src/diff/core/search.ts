import { advanceBackward, advanceForward, LONG_SNAKE, NOTHING } from "./advance";
import { loadBits } from "./bits";
import { classCount } from "./classes";
import { Frontier } from "./frontier";
import { backward, bottom, forward, left, loadGraph, right, setBox, shrinkBox, startFrontiers, top } from "./graph";
import { reserve } from "./memory";
import { loadReadOff, meetByBits } from "./read-off";
import { dropPaths, goOn, keepPaths } from "./reuse";
import { loadRuns } from "./runs";
import { powerOfTwoRoot } from "./set-aside";
import {
  exactBefore,
  exactBehind,
  partEdits,
  SETTLE_EDITS,
  settleForBest,
  settleForSnake,
  splitAt,
  splitX,
  splitY,
} from "./settle";
import { Text } from "./text";

/**
 * What is read off are runs of at most so many times the lines as a path has edits: most paths don't come further. Longer
 * ones than those of the second bound would take too much room.
 */
const LINES_PER_EDIT: i32 = 3;
const MOST_RUN_LINES: i32 = 6144;

/**
 * Boxes still to be searched, and of exact ones about how many edits they have, as {@link push} writes them: a stack of
 * our own, since some inputs nest deeply.
 */
let waiting: usize = 0;
let waitingBytes: usize = 0;
const BOX_BYTES: usize = 20;

/**
 * Finds which of the kept lines are deleted and added, and marks them: Myers' algorithm in its linear-space form, which
 * splits the edit graph where paths from both corners meet, and gives up on the shortest script when it gets expensive.
 */
export function search(before: Text, after: Text): void {
  loadGraph(before, after);
  const diagonals = before.keptCount + after.keptCount + 3;
  const mostEdits = max(powerOfTwoRoot(diagonals), SETTLE_EDITS);
  // only what gets expensive is read off
  const mayReadOff = min(before.keptCount, after.keptCount) > SETTLE_EDITS;
  if (mayReadOff) {
    loadBits(classCount, min(LINES_PER_EDIT * mostEdits, MOST_RUN_LINES));
    loadRuns(before.keptCount, after.keptCount);
    loadReadOff();
  }
  waiting = reserve(0);
  waitingBytes = 0;
  dropPaths();
  push(0, before.keptCount, 0, after.keptCount, 0);
  while (waitingBytes > 0) {
    waitingBytes -= BOX_BYTES;
    const next = waiting + waitingBytes;
    const exactEdits = load<i32>(next, 16);
    setBox(load<i32>(next), load<i32>(next, 4), load<i32>(next, 8), load<i32>(next, 12));
    shrinkBox();
    if (left === right) mark(after, top, bottom);
    else if (top === bottom) mark(before, left, right);
    else {
      if (exactEdits === 0) split(false, mostEdits);
      else if (!mayReadOff || !meetByBits(exactEdits)) split(true, mostEdits);
      // a part that is not to be exact is searched first: it may go on with paths of this search
      if (exactBehind) push(splitX, right, splitY, bottom, partEdits);
      push(left, splitX, top, splitY, exactBefore ? partEdits : 0);
      if (!exactBehind) push(splitX, right, splitY, bottom, 0);
    }
  }
}

function push(boxLeft: i32, boxRight: i32, boxTop: i32, boxBottom: i32, exactEdits: i32): void {
  reserve(waitingBytes + BOX_BYTES);
  const next = waiting + waitingBytes;
  store<i32>(next, boxLeft);
  store<i32>(next, boxRight, 4);
  store<i32>(next, boxTop, 8);
  store<i32>(next, boxBottom, 12);
  store<i32>(next, exactEdits, 16);
  waitingBytes += BOX_BYTES;
}

function mark(text: Text, from: i32, to: i32): void {
  for (let i = from; i < to; i += 1) text.mark(load<i32>(text.kept + ((i as usize) << 2)), 1);
}

function split(exact: bool, mostEdits: i32): void {
  if (!exact && goOn(mostEdits)) {
    settleForBest(mostEdits);
    keepPaths();
    return;
  }
  dropPaths();
  startFrontiers();
  const odd = ((forward.middle - backward.middle) & 1) !== 0;
  let edits = 0;
  let sawLongSnake = false;
  while (true) {
    edits += 1;
    forward.widen();
    const there = advanceForward(odd);
    if (there > LONG_SNAKE) {
      splitAtMeeting(forward, there, edits);
      break;
    }
    backward.widen();
    const back = advanceBackward(!odd);
    if (back > LONG_SNAKE) {
      splitAtMeeting(backward, back, edits);
      break;
    }
    if (exact) continue;
    if (edits > SETTLE_EDITS && (there !== NOTHING || back !== NOTHING)) {
      if (settleForSnake(edits)) break;
      sawLongSnake = true;
    }
    if (edits >= mostEdits) {
      settleForBest(mostEdits);
      if (!sawLongSnake) keepPaths();
      break;
    }
  }
}

function splitAtMeeting(frontier: Frontier, diagonal: i32, edits: i32): void {
  const x = frontier.reached(diagonal);
  splitAt(x, x - diagonal, true, true, edits);
}
