import type { Search, Split } from "./search.js";

/** A run of this many equal lines is a good place to split. */
export const SNAKE_LINES = 20;
/** A path is worth splitting at when it has come this many times as far as it has edits. */
const WORTH_PER_EDIT = 4;

/**
 * A search that has become expensive and has seen long runs of equal lines: the path that has come furthest, edits and
 * distance from the corner's diagonal weighed, and whose end is such a run. Paths from the upper left corner first.
 */
export function settleForSnake(search: Search, edits: number): Split | undefined {
  const forward = bestForward(search, WORTH_PER_EDIT * edits);
  if (forward !== undefined) return { ...forward, exactBefore: true, exactBehind: false };
  const backward = bestBackward(search, WORTH_PER_EDIT * edits);
  if (backward !== undefined) return { ...backward, exactBefore: false, exactBehind: true };
  return undefined;
}

interface Point {
  x: number;
  y: number;
}

function bestForward({ a, b, box, forward }: Search, least: number): Point | undefined {
  const { left, right, top, bottom } = box;
  let best = least;
  let found: Point | undefined;
  for (let k = forward.high; k >= forward.low; k -= 2) {
    const x = forward.reach[forward.origin + k] as number;
    const y = x - k;
    const worth = x - left + (y - top) - Math.abs(k - forward.middle);
    if (worth <= best || x < left + SNAKE_LINES || x >= right || y < top + SNAKE_LINES || y >= bottom) continue;
    if (!sameRun(a, x - SNAKE_LINES, b, y - SNAKE_LINES)) continue;
    best = worth;
    found = { x, y };
  }
  return found;
}

function bestBackward({ a, b, box, backward }: Search, least: number): Point | undefined {
  const { left, right, top, bottom } = box;
  let best = least;
  let found: Point | undefined;
  for (let k = backward.high; k >= backward.low; k -= 2) {
    const x = backward.reach[backward.origin + k] as number;
    const y = x - k;
    const worth = right - x + (bottom - y) - Math.abs(k - backward.middle);
    if (worth <= best || x <= left || x > right - SNAKE_LINES || y <= top || y > bottom - SNAKE_LINES) continue;
    if (!sameRun(a, x, b, y)) continue;
    best = worth;
    found = { x, y };
  }
  return found;
}

function sameRun(a: Int32Array, x: number, b: Int32Array, y: number): boolean {
  for (let i = 0; i < SNAKE_LINES; i += 1) if (a[x + i] !== b[y + i]) return false;
  return true;
}

/**
 * A search that costs too much: splits at the point, of all paths from both corners, that is furthest from its corner.
 * Only the part behind the path that was found is searched for its shortest script.
 */
export function settleForBest({ box, forward, backward }: Search): Split {
  const { left, right, top, bottom } = box;
  let furthest = -1;
  let furthestX = -1;
  for (let k = forward.high; k >= forward.low; k -= 2) {
    let x = Math.min(forward.reach[forward.origin + k] as number, right);
    if (x - k > bottom) x = bottom + k;
    if (2 * x - k > furthest) {
      furthest = 2 * x - k;
      furthestX = x;
    }
  }
  let nearest = Number.POSITIVE_INFINITY;
  let nearestX = -1;
  for (let k = backward.high; k >= backward.low; k -= 2) {
    let x = Math.max(backward.reach[backward.origin + k] as number, left);
    if (x - k < top) x = top + k;
    if (2 * x - k < nearest) {
      nearest = 2 * x - k;
      nearestX = x;
    }
  }
  if (right + bottom - nearest < furthest - (left + top)) {
    return { x: furthestX, y: furthest - furthestX, exactBefore: true, exactBehind: false };
  }
  return { x: nearestX, y: nearest - nearestX, exactBefore: false, exactBehind: true };
}
