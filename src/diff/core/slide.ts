import { indent, isWorseThan, penalty, rate } from "./indent";
import { Text } from "./text";

/** The indent heuristic looks at most this many places up. */
const MAX_SLIDE_LINES: i32 = 100;

/**
 * The changed lines, maybe none, between two unchanged lines that follow each other. The n-th groups of both files
 * stand between the same unchanged lines; `opposite` keeps step.
 */
class Group {
  text: Text = new Text();
  start: i32 = 0;
  end: i32 = 0;

  begin(text: Text, start: i32): void {
    this.text = text;
    this.start = start;
    this.end = start;
    this.joinBehind();
  }

  next(): void {
    this.start = this.end + 1;
    this.end = this.start;
    this.joinBehind();
  }

  previous(): void {
    this.end = this.start - 1;
    this.start = this.end;
    this.joinBefore();
  }

  /** One line up, if the lines allow it; a group that it touches then becomes part of it. */
  slideUp(): bool {
    const text = this.text;
    const start = this.start;
    const end = this.end;
    if (start === 0 || !text.isSame(start - 1, end - 1)) return false;
    text.mark(start - 1, 1);
    text.mark(end - 1, 0);
    this.start -= 1;
    this.end -= 1;
    this.joinBefore();
    return true;
  }

  /** One line down, if the lines allow it; a group that it touches then becomes part of it. */
  slideDown(): bool {
    const text = this.text;
    const start = this.start;
    const end = this.end;
    if (end >= text.count || !text.isSame(start, end)) return false;
    text.mark(start, 0);
    text.mark(end, 1);
    this.start += 1;
    this.end += 1;
    this.joinBehind();
    return true;
  }

  private joinBefore(): void {
    while (this.start > 0 && this.text.isChanged(this.start - 1)) this.start -= 1;
  }

  private joinBehind(): void {
    while (this.text.isChanged(this.end)) this.end += 1;
  }
}

const group: Group = new Group();
const opposite: Group = new Group();

/**
 * Slides each group of changed lines of a file to where people expect it, without changing what the diff says: a group
 * whose first line equals the line behind it may as well be one line further down, and so on.
 *
 * @param from a line before which neither file has changed lines
 * @param to a line of `text` from which on it has none
 * @returns a line before which neither file has changed lines now
 */
export function slideGroups(text: Text, other: Text, from: i32, to: i32): i32 {
  group.begin(text, from);
  opposite.begin(other, from);
  let unchangedTo = from;
  while (true) {
    if (group.start < group.end) {
      place();
      unchangedTo = min(unchangedTo, group.start);
    }
    if (group.end >= to) break;
    group.next();
    opposite.next();
  }
  return unchangedTo;
}

function place(): void {
  let size: i32;
  let highest: i32;
  /** Whether the group, on its way down, stood beside changed lines of the other file. */
  let beside: bool;
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
    while (opposite.start === opposite.end) moveUp();
    return;
  }
  const best = bestEnd(max(highest, max(group.end - size - 1, group.end - MAX_SLIDE_LINES)));
  while (group.end > best) moveUp();
}

function moveUp(): void {
  group.slideUp();
  opposite.previous();
}

/** Of the places where the group may end, from `highest` down to where it is, the least bad, and of equals the last. */
function bestEnd(highest: i32): i32 {
  const text = group.text;
  const end = group.end;
  const size = end - group.start;
  let best = highest;
  rate(text, highest - size, highest);
  let leastIndent = indent;
  let leastPenalty = penalty;
  for (let candidate = highest + 1; candidate <= end; candidate += 1) {
    rate(text, candidate - size, candidate);
    if (isWorseThan(leastIndent, leastPenalty)) continue;
    leastIndent = indent;
    leastPenalty = penalty;
    best = candidate;
  }
  return best;
}
