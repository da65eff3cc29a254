import type { EditGraph } from "./edit-graph.js";

/** A run of more equal lines than this is a long one; a run of so many is a good place to split. */
export const SNAKE_LINES = 20;

/** What a round of the search found when the paths did not meet; a meeting is a diagonal's cell, 0 or more. */
export const NOTHING = -1;
export const LONG_SNAKE = -2;

// Both without a branch, which the processor would guess wrong half the time. The difference must fit in 32 bits. They
// are constants of this module because V8 looks imported ones up anew each time. Together: a third of the search's time.
const larger = (one: number, other: number): number => {
  const difference = (one - other) | 0;
  return (one - (difference & (difference >> 31))) | 0;
};
const smaller = (one: number, other: number): number => {
  const difference = (one - other) | 0;
  return (other + (difference & (difference >> 31))) | 0;
};

// On diagonal d, x leads to y = x - d, so a path runs on while line x equals line x - d and both are in the box. What
// one diagonal reads of its lower neighbour, the next one reads of its upper. Sums are cut to 32 bits, which they never
// leave, so that V8 has no overflow to look for.

/**
 * One more edit from the upper left corner.
 * @param mayMeet whether paths of such lengths can meet in this round
 * @returns the cell of the diagonal on which paths met, {@link LONG_SNAKE} or {@link NOTHING}
 */
export function advanceForward({ cells, after, box, forward, backward }: EditGraph, mayMeet: boolean): number {
  const { right, bottom } = box;
  const { zero, low } = forward;
  const longest = SNAKE_LINES;
  const opposite = backward.zero;
  const meetFrom = mayMeet ? backward.low : 1;
  const meetTo = mayMeet ? backward.high : 0;
  let found = NOTHING;
  let down = cells[zero + forward.high + 1] as number;
  for (let d = forward.high; d >= low; d = (d - 2) | 0) {
    const across = cells[(zero + d - 1) | 0] as number;
    const end = smaller(right, (bottom + d) | 0);
    const begin = larger((across + 1) | 0, down);
    down = across;
    const other = (after - d) | 0;
    let x = begin;
    while (x < end && cells[x] === cells[(other + x) | 0]) x = (x + 1) | 0;
    cells[(zero + d) | 0] = x;
    if (((x - begin) | 0) > longest) found = LONG_SNAKE;
    if (d >= meetFrom && d <= meetTo && (cells[(opposite + d) | 0] as number) <= x) return (zero + d) | 0;
  }
  return found;
}

/** One more edit from the lower right corner; else as {@link advanceForward}. */
export function advanceBackward({ cells, after, box, forward, backward }: EditGraph, mayMeet: boolean): number {
  const { left, top } = box;
  const { zero, low } = backward;
  const longest = SNAKE_LINES;
  const opposite = forward.zero;
  const meetFrom = mayMeet ? forward.low : 1;
  const meetTo = mayMeet ? forward.high : 0;
  let found = NOTHING;
  let across = cells[zero + backward.high + 1] as number;
  for (let d = backward.high; d >= low; d = (d - 2) | 0) {
    const up = cells[(zero + d - 1) | 0] as number;
    const end = larger(left, (top + d) | 0);
    const begin = smaller(up, (across - 1) | 0);
    across = up;
    const other = (after - d - 1) | 0;
    let x = begin;
    while (x > end && cells[(x - 1) | 0] === cells[(other + x) | 0]) x = (x - 1) | 0;
    cells[(zero + d) | 0] = x;
    if (((begin - x) | 0) > longest) found = LONG_SNAKE;
    if (d >= meetFrom && d <= meetTo && x <= (cells[(opposite + d) | 0] as number)) return (zero + d) | 0;
  }
  return found;
}
