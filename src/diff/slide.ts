import { type Badness, badnessOf, compareBadness } from "./indent.js";
import type { Text } from "./text.js";

/** The indent heuristic looks at most this many places up. */
const MAX_SLIDE_LINES = 100;

/**
 * Slides each group of changed lines of a file to where people expect it, without changing what the diff says: a group
 * whose first line equals the line behind it may as well be one line further down, and so on.
 *
 * @param from a line before which neither file has changed lines
 * @param to a line of `text` from which on it has none
 * @returns a line before which neither file has changed lines now
 */
export function slideGroups(text: Text, other: Text, from: number, to: number): number {
  const group = new Group(text, from);
  const opposite = new Group(other, from);
  let unchangedTo = from;
  for (;;) {
    if (group.start < group.end) {
      place(group, opposite);
      unchangedTo = Math.min(unchangedTo, group.start);
    }
    if (group.end >= to) return unchangedTo;
    group.next();
    opposite.next();
  }
}

/**
 * The changed lines, maybe none, between two unchanged lines that follow each other. The n-th groups of both files
 * stand between the same unchanged lines; `opposite` keeps step.
 */
class Group {
  start: number;
  end: number;
  readonly text: Text;

  constructor(text: Text, start: number) {
    this.text = text;
    this.start = start;
    this.end = start;
    this.#joinBehind();
  }

  next(): void {
    this.start = this.end + 1;
    this.end = this.start;
    this.#joinBehind();
  }

  previous(): void {
    this.end = this.start - 1;
    this.start = this.end;
    this.#joinBefore();
  }

  /** One line up, if the lines allow it; a group that it touches then becomes part of it. */
  slideUp(): boolean {
    const { text, start, end } = this;
    if (start === 0 || !text.isSameLine(start - 1, text, end - 1)) return false;
    text.changed[start - 1] = 1;
    text.changed[end - 1] = 0;
    this.start -= 1;
    this.end -= 1;
    this.#joinBefore();
    return true;
  }

  /** One line down, if the lines allow it; a group that it touches then becomes part of it. */
  slideDown(): boolean {
    const { text, start, end } = this;
    if (end >= text.count || !text.isSameLine(start, text, end)) return false;
    text.changed[start] = 0;
    text.changed[end] = 1;
    this.start += 1;
    this.end += 1;
    this.#joinBehind();
    return true;
  }

  #joinBefore(): void {
    while (this.start > 0 && this.text.changed[this.start - 1] === 1) this.start -= 1;
  }

  #joinBehind(): void {
    while (this.text.changed[this.end] === 1) this.end += 1;
  }
}

function place(group: Group, opposite: Group): void {
  let size: number;
  let highest: number;
  /** Whether the group, on its way down, stood beside changed lines of the other file. */
  let beside: boolean;
  do {
    size = group.end - group.start;
    while (group.slideUp()) opposite.previous();
    highest = group.end;
    beside = opposite.start < opposite.end;
    while (group.slideDown()) {
      opposite.next();
      if (opposite.start < opposite.end) beside = true;
    }
  } while (size !== group.end - group.start);

  if (group.end === highest) return;
  if (beside) {
    while (opposite.start === opposite.end) moveUp(group, opposite);
    return;
  }
  const best = bestEnd(group, Math.max(highest, group.end - size - 1, group.end - MAX_SLIDE_LINES));
  while (group.end > best) moveUp(group, opposite);
}

function moveUp(group: Group, opposite: Group): void {
  group.slideUp();
  opposite.previous();
}

/** Of the places where the group may end, from `highest` down to where it is, the least bad, and of equals the last. */
function bestEnd({ text, start, end }: Group, highest: number): number {
  const size = end - start;
  let best = end;
  let least: Badness | undefined;
  for (let candidate = highest; candidate <= end; candidate += 1) {
    const badness = badnessOf(text, candidate - size, candidate);
    if (least !== undefined && compareBadness(badness, least) > 0) continue;
    least = badness;
    best = candidate;
  }
  return best;
}
