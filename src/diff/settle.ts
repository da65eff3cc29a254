import { SNAKE_LINES } from "./advance.js";
import type { EditGraph } from "./edit-graph.js";
import type { Split } from "./search.js";

/** A path is worth splitting at when it has come this many times as far as it has edits. */
const WORTH_PER_EDIT = 4;

/**
 * A search that has become expensive and has seen long runs of equal lines: the path that has come furthest, edits and
 * distance from the corner's diagonal weighed, and whose end is such a run. Paths from the upper left corner first.
 */
export function settleForSnake(graph: EditGraph, edits: number): Split | undefined {
  const forward = bestForward(graph, WORTH_PER_EDIT * edits);
  if (forward !== undefined) return { ...forward, exactBefore: true, exactBehind: false };
  const backward = bestBackward(graph, WORTH_PER_EDIT * edits);
  if (backward !== undefined) return { ...backward, exactBefore: false, exactBehind: true };
  return undefined;
}

interface Point {
  x: number;
  y: number;
}

function bestForward({ cells, after, box, forward }: EditGraph, least: number): Point | undefined {
  const { left, right, top, bottom } = box;
  let best = least;
  let found: Point | undefined;
  for (let k = forward.high; k >= forward.low; k -= 2) {
    const x = forward.reached(k);
    const y = x - k;
    const worth = x - left + (y - top) - Math.abs(k - forward.middle);
    if (worth <= best || x < left + SNAKE_LINES || x >= right || y < top + SNAKE_LINES || y >= bottom) continue;
    if (!sameRun(cells, x - SNAKE_LINES, after + y - SNAKE_LINES)) continue;
    best = worth;
    found = { x, y };
  }
  return found;
}

function bestBackward({ cells, after, box, backward }: EditGraph, least: number): Point | undefined {
  const { left, right, top, bottom } = box;
  let best = least;
  let found: Point | undefined;
  for (let k = backward.high; k >= backward.low; k -= 2) {
    const x = backward.reached(k);
    const y = x - k;
    const worth = right - x + (bottom - y) - Math.abs(k - backward.middle);
    if (worth <= best || x <= left || x > right - SNAKE_LINES || y <= top || y > bottom - SNAKE_LINES) continue;
    if (!sameRun(cells, x, after + y)) continue;
    best = worth;
    found = { x, y };
  }
  return found;
}

function sameRun(cells: Int32Array, one: number, other: number): boolean {
  for (let i = 0; i < SNAKE_LINES; i += 1) if (cells[one + i] !== cells[other + i]) return false;
  return true;
}

/**
 * A search that costs too much: splits at the point, of all paths from both corners, that is furthest from its corner.
 * Only the part behind the path that was found is searched for its shortest script.
 */
export function settleForBest({ box, forward, backward }: EditGraph): Split {
  const { left, right, top, bottom } = box;
  let furthest = -1;
  let furthestX = -1;
  for (let k = forward.high; k >= forward.low; k -= 2) {
    let x = Math.min(forward.reached(k), right);
    if (x - k > bottom) x = bottom + k;
    if (2 * x - k > furthest) {
      furthest = 2 * x - k;
      furthestX = x;
    }
  }
  let nearest = Number.POSITIVE_INFINITY;
  let nearestX = -1;
  for (let k = backward.high; k >= backward.low; k -= 2) {
    let x = Math.max(backward.reached(k), left);
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
