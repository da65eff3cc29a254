import { backward, bottom, classesAfter, classesBefore, forward, left, right, top } from "./graph";

/** A run of more equal lines than this is a long one; a run of so many is a good place to split. */
export const SNAKE_LINES: i32 = 20;

/** What a round of the search found when the paths did not meet; a meeting is the diagonal. */
export const NOTHING: i32 = i32.MIN_VALUE;
export const LONG_SNAKE: i32 = i32.MIN_VALUE + 1;

/** So many steps are taken by four paths together, before each goes on alone. */
const MOST_STEPS_TOGETHER: i32 = 3;

// On diagonal d, x leads to y = x - d, so a path runs on while line x equals line x - d and both are in the box.
//
// Four diagonals are taken at a time, in a vector, the lowest in its first lane. Most paths can't run on at all: only
// when one of the four can, they are looked at one by one. Diagonals that are left over in the end are, too.

/**
 * One more edit from the upper left corner.
 * @param mayMeet whether paths of such lengths can meet in this round
 * @returns the diagonal on which paths met, the highest of several, {@link LONG_SNAKE} or {@link NOTHING}
 */
export function advanceForward(mayMeet: bool): i32 {
  const one = classesBefore;
  const most = right;
  const edge = bottom;
  const low = forward.low;
  const meetFrom = mayMeet ? backward.low : i32.MAX_VALUE;
  const meetTo = mayMeet ? backward.high : i32.MIN_VALUE;
  let d = forward.high;
  let found = NOTHING;
  /** Addresses: of diagonal d here, of d + 1 in the round before, of d there, and of line -d after. */
  let here = forward.at(d);
  let former = forward.at(d + 1);
  let opposite = backward.at(d);
  let other = classesAfter - ((d as usize) << 2);

  for (; d - 6 >= low; d -= 8, here -= 16, former -= 16, opposite -= 16, other += 32) {
    const across = i32x4.add(v128.load(former - 16), i32x4.splat(1));
    const begin = i32x4.max_s(across, v128.load(former - 12));
    const diagonals = i32x4.add(i32x4.splat(d), i32x4(-6, -4, -2, 0));
    const end = i32x4.min_s(i32x4.splat(most), i32x4.add(i32x4.splat(edge), diagonals));
    let x = begin;
    let run = runs(one, other, i32x4.min_s(x, end), i32x4.lt_s(x, end));
    for (let steps = 1; v128.any_true(run); steps += 1) {
      x = i32x4.sub(x, run);
      if (steps === MOST_STEPS_TOGETHER) {
        v128.store(here - 12, x);
        for (let lane = 0; lane < 4; lane += 1) {
          const cell = here - ((lane as usize) << 2);
          runForward(cell, one, other + ((lane as usize) << 3), min(most, edge + d - 2 * lane));
        }
        x = v128.load(here - 12);
        if (v128.any_true(i32x4.gt_s(i32x4.sub(x, begin), i32x4.splat(SNAKE_LINES)))) found = LONG_SNAKE;
        break;
      }
      run = runs(one, other, i32x4.min_s(x, end), i32x4.lt_s(x, end));
    }
    v128.store(here - 12, x);
    if (d < meetFrom || d - 6 > meetTo) continue;
    const met = i32x4.le_s(v128.load(opposite - 12), x);
    const may = v128.and(i32x4.ge_s(diagonals, i32x4.splat(meetFrom)), i32x4.le_s(diagonals, i32x4.splat(meetTo)));
    const lanes = i32x4.bitmask(v128.and(met, may));
    if (lanes !== 0) return d - 2 * (clz(lanes) - 28);
  }

  for (; d >= low; d -= 2, here -= 4, former -= 4, opposite -= 4, other += 8) {
    store<i32>(here, max(load<i32>(former - 4) + 1, load<i32>(former)));
    if (runForward(here, one, other, min(most, edge + d))) found = LONG_SNAKE;
    if (d >= meetFrom && d <= meetTo && load<i32>(opposite) <= load<i32>(here)) return d;
  }
  return found;
}

/**
 * Which of four paths can run on by a line.
 * @param x where they look, which is in the box
 * @param other the address that belongs to the highest diagonal, in the last lane
 * @param inside whether they have not come to the box's end
 * @returns -1 for those that can
 */
function runs(one: usize, other: usize, x: v128, inside: v128): v128 {
  const x0 = (i32x4.extract_lane(x, 0) as usize) << 2;
  const x1 = (i32x4.extract_lane(x, 1) as usize) << 2;
  const x2 = (i32x4.extract_lane(x, 2) as usize) << 2;
  const x3 = (i32x4.extract_lane(x, 3) as usize) << 2;
  let lines = v128.load32_zero(one + x0);
  let others = v128.load32_zero(other + x0, 24);
  lines = v128.load_lane<i32>(one + x1, lines, 1);
  others = v128.load_lane<i32>(other + x1, others, 1, 16);
  lines = v128.load_lane<i32>(one + x2, lines, 2);
  others = v128.load_lane<i32>(other + x2, others, 2, 8);
  lines = v128.load_lane<i32>(one + x3, lines, 3);
  others = v128.load_lane<i32>(other + x3, others, 3);
  return v128.and(i32x4.eq(lines, others), inside);
}

/** Lets the path at a cell run on. @returns whether that is far */
function runForward(cell: usize, one: usize, other: usize, end: i32): bool {
  const begin = load<i32>(cell);
  let x = begin;
  while (x < end && load<i32>(one + ((x as usize) << 2)) === load<i32>(other + ((x as usize) << 2))) x += 1;
  store<i32>(cell, x);
  return x - begin > SNAKE_LINES;
}

/** One more edit from the lower right corner; else as {@link advanceForward}. */
export function advanceBackward(mayMeet: bool): i32 {
  // a line is looked at from behind
  const one = classesBefore - 4;
  const least = left;
  const edge = top;
  const low = backward.low;
  const meetFrom = mayMeet ? forward.low : i32.MAX_VALUE;
  const meetTo = mayMeet ? forward.high : i32.MIN_VALUE;
  let d = backward.high;
  let found = NOTHING;
  let here = backward.at(d);
  let former = backward.at(d + 1);
  let opposite = forward.at(d);
  let other = classesAfter - 4 - ((d as usize) << 2);

  for (; d - 6 >= low; d -= 8, here -= 16, former -= 16, opposite -= 16, other += 32) {
    const across = i32x4.sub(v128.load(former - 12), i32x4.splat(1));
    const begin = i32x4.min_s(v128.load(former - 16), across);
    const diagonals = i32x4.add(i32x4.splat(d), i32x4(-6, -4, -2, 0));
    const end = i32x4.max_s(i32x4.splat(least), i32x4.add(i32x4.splat(edge), diagonals));
    let x = begin;
    let run = runs(one, other, i32x4.max_s(x, end), i32x4.gt_s(x, end));
    for (let steps = 1; v128.any_true(run); steps += 1) {
      x = i32x4.add(x, run);
      if (steps === MOST_STEPS_TOGETHER) {
        v128.store(here - 12, x);
        for (let lane = 0; lane < 4; lane += 1) {
          const cell = here - ((lane as usize) << 2);
          runBackward(cell, one, other + ((lane as usize) << 3), max(least, edge + d - 2 * lane));
        }
        x = v128.load(here - 12);
        if (v128.any_true(i32x4.gt_s(i32x4.sub(begin, x), i32x4.splat(SNAKE_LINES)))) found = LONG_SNAKE;
        break;
      }
      run = runs(one, other, i32x4.max_s(x, end), i32x4.gt_s(x, end));
    }
    v128.store(here - 12, x);
    if (d < meetFrom || d - 6 > meetTo) continue;
    const met = i32x4.le_s(x, v128.load(opposite - 12));
    const may = v128.and(i32x4.ge_s(diagonals, i32x4.splat(meetFrom)), i32x4.le_s(diagonals, i32x4.splat(meetTo)));
    const lanes = i32x4.bitmask(v128.and(met, may));
    if (lanes !== 0) return d - 2 * (clz(lanes) - 28);
  }

  for (; d >= low; d -= 2, here -= 4, former -= 4, opposite -= 4, other += 8) {
    store<i32>(here, min(load<i32>(former - 4), load<i32>(former) - 1));
    if (runBackward(here, one, other, max(least, edge + d))) found = LONG_SNAKE;
    if (d >= meetFrom && d <= meetTo && load<i32>(here) <= load<i32>(opposite)) return d;
  }
  return found;
}

/** As {@link runForward}, towards the first line. */
function runBackward(cell: usize, one: usize, other: usize, end: i32): bool {
  const begin = load<i32>(cell);
  let x = begin;
  while (x > end && load<i32>(one + ((x as usize) << 2)) === load<i32>(other + ((x as usize) << 2))) x -= 1;
  store<i32>(cell, x);
  return begin - x > SNAKE_LINES;
}
