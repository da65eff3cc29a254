import { commonEnds } from "./common-ends.js";
import { LineClasses } from "./line-classes.js";
import { markChanges } from "./search.js";
import { setAside } from "./set-aside.js";
import { slideGroups } from "./slide.js";
import type { Text } from "./text.js";

/** Marks in both files the lines that git's diff prints with `-` and `+`. */
export function compareTexts(before: Text, after: Text): void {
  const { head, tail } = commonEnds(before, after);
  const beforeEnd = before.count - tail;
  const afterEnd = after.count - tail;
  if (head === beforeEnd) after.changed.fill(1, head, afterEnd);
  else if (head === afterEnd) before.changed.fill(1, head, beforeEnd);
  else {
    const classes = new LineClasses(before, after, beforeEnd - head + afterEnd - head);
    const classesBefore = classes.number(0, head, beforeEnd);
    const classesAfter = classes.number(1, head, afterEnd);
    // a line counts as having counterparts wherever in the other file they stand
    classes.countCommon(0, head);
    classes.countCommon(beforeEnd, before.count);
    const keptBefore = setAside(before, head, classesBefore, classes.after);
    const keptAfter = setAside(after, head, classesAfter, classes.before);
    markChanges(before, keptBefore, after, keptAfter);
  }
  const unchangedTo = slideGroups(before, after, head, beforeEnd);
  slideGroups(after, before, unchangedTo, afterEnd);
}
