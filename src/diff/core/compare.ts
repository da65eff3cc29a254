import { AFTER, BEFORE, countEnds, lonely, numberLines, shared } from "./classes";
import { findEnds, head, tail } from "./ends";
import { search } from "./search";
import { keepAll, setAside } from "./set-aside";
import { after, before } from "./sides";
import { slideGroups } from "./slide";

/** Marks in both files the lines that git's diff prints with `-` and `+`. */
export function markChanges(): void {
  findEnds(before, after);
  const beforeEnd = before.count - tail;
  const afterEnd = after.count - tail;
  if (head === beforeEnd) after.markAll(head, afterEnd);
  else if (head === afterEnd) before.markAll(head, beforeEnd);
  else markBetween(beforeEnd, afterEnd);
  const unchangedTo = slideGroups(before, after, head, beforeEnd);
  slideGroups(after, before, unchangedTo, afterEnd);
}

function markBetween(beforeEnd: i32, afterEnd: i32): void {
  numberLines(before, after, head, tail);
  if (shared === 0) {
    before.markAll(head, beforeEnd);
    after.markAll(head, afterEnd);
    return;
  }
  if (lonely === 0) {
    // only among lines without a counterpart are others set aside
    keepAll(before, head, beforeEnd);
    keepAll(after, head, afterEnd);
  } else {
    countEnds(before, head, tail);
    setAside(before, head, beforeEnd, AFTER);
    setAside(after, head, afterEnd, BEFORE);
  }
  search(before, after);
}
