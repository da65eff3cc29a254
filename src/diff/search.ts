import { type Box, Frontier } from "./frontier.js";
import { powerOfTwoRoot } from "./power-of-two-root.js";
import type { Kept } from "./set-aside.js";
import { SNAKE_LINES, settleForBest, settleForSnake } from "./settle.js";
import type { Text } from "./text.js";

/** From this many edits on, in each direction, a search may settle for a good place to split. */
const SETTLE_EDITS = 256;

/** Where a box is split in two, and whether the shortest script must be found in the parts. */
export interface Split {
  x: number;
  y: number;
  exactBefore: boolean;
  exactBehind: boolean;
}

/** The state of the search in one box. */
export interface Search {
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly box: Box;
  readonly forward: Frontier;
  readonly backward: Frontier;
}

/**
 * Finds which of the kept lines are deleted and added, and marks them: Myers' algorithm in its linear-space form, which
 * splits the edit graph where paths from both corners meet, and gives up on the shortest script when it gets expensive.
 */
export function markChanges(before: Text, keptBefore: Kept, after: Text, keptAfter: Kept): void {
  const width = keptBefore.count;
  const height = keptAfter.count;
  const search: Search = {
    a: keptBefore.classes,
    b: keptAfter.classes,
    box: { left: 0, right: width, top: 0, bottom: height },
    forward: new Frontier(width, height, "forward"),
    backward: new Frontier(width, height, "backward"),
  };
  const mostEdits = Math.max(powerOfTwoRoot(width + height + 3), SETTLE_EDITS);
  // boxes still to be searched: left, right, top, bottom, exact; a stack of our own, since some inputs nest deeply
  const waiting = [0, width, 0, height, 0];
  while (waiting.length > 0) {
    const exact = waiting.pop() === 1;
    const { box } = search;
    box.bottom = waiting.pop() as number;
    box.top = waiting.pop() as number;
    box.right = waiting.pop() as number;
    box.left = waiting.pop() as number;
    shrink(search);
    if (box.left === box.right) mark(after, keptAfter, box.top, box.bottom);
    else if (box.top === box.bottom) mark(before, keptBefore, box.left, box.right);
    else {
      const { x, y, exactBefore, exactBehind } = split(search, exact, mostEdits);
      waiting.push(box.left, x, box.top, y, exactBefore ? 1 : 0);
      waiting.push(x, box.right, y, box.bottom, exactBehind ? 1 : 0);
    }
  }
}

function mark(text: Text, kept: Kept, from: number, to: number): void {
  for (let i = from; i < to; i += 1) text.changed[kept.lines[i] as number] = 1;
}

/** Takes equal lines off the box's head and tail. */
function shrink({ a, b, box }: Search): void {
  let { left, right, top, bottom } = box;
  while (left < right && top < bottom && a[left] === b[top]) {
    left += 1;
    top += 1;
  }
  while (left < right && top < bottom && a[right - 1] === b[bottom - 1]) {
    right -= 1;
    bottom -= 1;
  }
  box.left = left;
  box.right = right;
  box.top = top;
  box.bottom = bottom;
}

function split(search: Search, exact: boolean, mostEdits: number): Split {
  const { box, forward, backward } = search;
  forward.start(box, box.left, box.top);
  backward.start(box, box.right, box.bottom);
  const odd = ((forward.middle - backward.middle) & 1) !== 0;
  for (let edits = 1; ; edits += 1) {
    forward.widen();
    const there = advanceForward(search, odd);
    if (there >= 0) return meeting(search.forward, there);
    backward.widen();
    const back = advanceBackward(search, !odd);
    if (back >= 0) return meeting(search.backward, back);
    if (exact) continue;
    if (edits > SETTLE_EDITS && (there === LONG_SNAKE || back === LONG_SNAKE)) {
      const settled = settleForSnake(search, edits);
      if (settled !== undefined) return settled;
    }
    if (edits >= mostEdits) return settleForBest(search);
  }
}

/** What a round of the search found when the paths did not meet; a meeting is a place in the reach array, 0 or more. */
const NOTHING = -1;
const LONG_SNAKE = -2;

function meeting({ reach, origin }: Frontier, at: number): Split {
  const x = reach[at] as number;
  return { x, y: x - (at - origin), exactBefore: true, exactBehind: true };
}

/** One more edit from the upper left corner. @param mayMeet whether paths of such lengths can meet in this round */
function advanceForward({ a, b, box, forward, backward }: Search, mayMeet: boolean): number {
  const { right, bottom } = box;
  const { reach, origin } = forward;
  const opposite = backward.reach;
  const meetFrom = mayMeet ? origin + backward.low : 1;
  const meetTo = mayMeet ? origin + backward.high : 0;
  let found = NOTHING;
  for (let k = origin + forward.high, last = origin + forward.low; k >= last; k -= 2) {
    const across = (reach[k - 1] as number) + 1;
    const down = reach[k + 1] as number;
    const begin = Math.max(across, down);
    let x = begin;
    let y = begin - (k - origin);
    while (x < right && y < bottom && a[x] === b[y]) {
      x += 1;
      y += 1;
    }
    if (x - begin > SNAKE_LINES) found = LONG_SNAKE;
    reach[k] = x;
    if (k >= meetFrom && k <= meetTo && (opposite[k] as number) <= x) return k;
  }
  return found;
}

/** One more edit from the lower right corner. @param mayMeet whether paths of such lengths can meet in this round */
function advanceBackward({ a, b, box, forward, backward }: Search, mayMeet: boolean): number {
  const { left, top } = box;
  const { reach, origin } = backward;
  const opposite = forward.reach;
  const meetFrom = mayMeet ? origin + forward.low : 1;
  const meetTo = mayMeet ? origin + forward.high : 0;
  let found = NOTHING;
  for (let k = origin + backward.high, last = origin + backward.low; k >= last; k -= 2) {
    const up = reach[k - 1] as number;
    const across = (reach[k + 1] as number) - 1;
    const begin = Math.min(up, across);
    let x = begin;
    let y = begin - (k - origin);
    while (x > left && y > top && a[x - 1] === b[y - 1]) {
      x -= 1;
      y -= 1;
    }
    if (begin - x > SNAKE_LINES) found = LONG_SNAKE;
    reach[k] = x;
    if (k >= meetFrom && k <= meetTo && x <= (opposite[k] as number)) return k;
  }
  return found;
}
