// The steps of a comparison one by one, and what they find, for tests. `after` says which of the two files is meant.
import { fillBits, loadBits, longestCommon } from "./bits";
import { same } from "./bytes";
import { AFTER, BEFORE, classCount, countEnds, numberLines } from "./classes";
import { findEnds, head, tail } from "./ends";
import { classesAfter, classesBefore, loadGraph } from "./graph";
import { indent, isWorseThan, penalty, rate } from "./indent";
import { outputLength, printHunks } from "./print";
import { search } from "./search";
import { keepAll, setAside } from "./set-aside";
import * as sides from "./sides";
import { slideGroups } from "./slide";
import { Text } from "./text";

export { loadTexts } from "./sides";

function textOf(after: bool): Text {
  return after ? sides.after : sides.before;
}

export function lineCount(after: bool): i32 {
  return textOf(after).count;
}

/** The address of a line; that of the line behind the last is the end. */
export function lineStart(after: bool, line: i32): usize {
  return textOf(after).start(line);
}

export function sameBytes(one: usize, other: usize, length: usize): bool {
  return same(one, other, length);
}

export function isMarked(after: bool, line: i32): bool {
  return textOf(after).isChanged(line);
}

export function mark(after: bool, line: i32): void {
  textOf(after).mark(line, 1);
}

export function commonHead(): i32 {
  findEnds(sides.before, sides.after);
  return head;
}

export function commonTail(): i32 {
  findEnds(sides.before, sides.after);
  return tail;
}

/** Sets aside lines of both files, which have no common ends. */
export function setAsideLines(): void {
  numberLines(sides.before, sides.after, 0, 0);
  countEnds(sides.before, 0, 0);
  setAside(sides.before, 0, sides.before.count, AFTER);
  setAside(sides.after, 0, sides.after.count, BEFORE);
}

export function keptCount(after: bool): i32 {
  return textOf(after).keptCount;
}

export function keptLine(after: bool, index: i32): i32 {
  return load<i32>(textOf(after).kept + ((index as usize) << 2));
}

/** Searches all lines of both files. */
export function searchLines(): void {
  numberLines(sides.before, sides.after, 0, 0);
  keepAll(sides.before, 0, sides.before.count);
  keepAll(sides.after, 0, sides.after.count);
  search(sides.before, sides.after);
}

/** The longest common subsequence of the first `x` lines before and the first `y` after, of at most 256 each. */
export function longestCommonLines(x: i32, y: i32): i32 {
  numberLines(sides.before, sides.after, 0, 0);
  keepAll(sides.before, 0, sides.before.count);
  keepAll(sides.after, 0, sides.after.count);
  loadGraph(sides.before, sides.after);
  loadBits(classCount, 256);
  fillBits(classesBefore, sides.before.count, classesAfter, sides.after.count, 4);
  return longestCommon(x, y);
}

/** Slides the groups of one file. @returns a line before which neither file has changed lines now */
export function slideMarked(after: bool): i32 {
  const text = textOf(after);
  return slideGroups(text, textOf(!after), 0, text.count);
}

/** Whether `[start, end)` is a worse place for a group of the file before than `[otherStart, otherEnd)`. */
export function isWorseGroup(start: i32, end: i32, otherStart: i32, otherEnd: i32): bool {
  rate(sides.before, otherStart, otherEnd);
  const otherIndent = indent;
  const otherPenalty = penalty;
  rate(sides.before, start, end);
  return isWorseThan(otherIndent, otherPenalty);
}

/** Prints what is marked. @returns the length */
export function printMarked(contextLines: i32): usize {
  printHunks(sides.before, sides.after, contextLines, false);
  return outputLength;
}
