import { Frontier } from "./frontier";
import { allocate } from "./memory";
import { Text } from "./text";

// What a search works on: the classes of both files' kept lines, the part of the edit graph that it looks at, and how
// far paths have come from either corner of that.

const NOT_REACHED_FORWARD: i32 = -1;
/** Small enough that one may be taken off and added. */
const NOT_REACHED_BACKWARD: i32 = 0x3fffffff;

/** Addresses: the classes of the kept lines before, and after. */
export let classesBefore: usize = 0;
export let classesAfter: usize = 0;
/** The box: `left` to `right` runs over the file before, `top` to `bottom` over the file after. */
export let left: i32 = 0;
export let right: i32 = 0;
export let top: i32 = 0;
export let bottom: i32 = 0;
export const forward: Frontier = new Frontier();
export const backward: Frontier = new Frontier();

export function loadGraph(before: Text, after: Text): void {
  classesBefore = keptClasses(before);
  classesAfter = keptClasses(after);
  forward.load(before.keptCount, after.keptCount, NOT_REACHED_FORWARD);
  backward.load(before.keptCount, after.keptCount, NOT_REACHED_BACKWARD);
}

function keptClasses(text: Text): usize {
  const size = (text.keptCount as usize) << 2;
  // with room before the first: vectors are read from one place before
  const classes = allocate(size + 16) + 16;
  for (let at: usize = 0; at < size; at += 4) store<i32>(classes + at, text.classOf(load<i32>(text.kept + at)));
  return classes;
}

export function setBox(newLeft: i32, newRight: i32, newTop: i32, newBottom: i32): void {
  left = newLeft;
  right = newRight;
  top = newTop;
  bottom = newBottom;
}

/** Takes equal lines off the box's head and tail. */
export function shrinkBox(): void {
  while (left < right && top < bottom && isSame(left, top)) {
    left += 1;
    top += 1;
  }
  while (left < right && top < bottom && isSame(right - 1, bottom - 1)) {
    right -= 1;
    bottom -= 1;
  }
}

/** Begins at the corners of the box. */
export function startFrontiers(): void {
  forward.start(left - bottom, right - top, left, top);
  backward.start(left - bottom, right - top, right, bottom);
}

/** Whether kept line `x` before is kept line `y` after. */
export function isSame(x: i32, y: i32): bool {
  return load<i32>(classesBefore + ((x as usize) << 2)) === load<i32>(classesAfter + ((y as usize) << 2));
}
