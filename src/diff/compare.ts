import { commonEnds } from "./common-ends.js";
import { markChanges } from "./search.js";
import { setAside } from "./set-aside.js";
import { slideGroups } from "./slide.js";
import type { Workspace } from "./workspace.js";

/** Marks in both files of a workspace the lines that git's diff prints with `-` and `+`. */
export function compareTexts({ before, after, classes, graph }: Workspace): void {
  const { head, tail } = commonEnds(before, after);
  const beforeEnd = before.count - tail;
  const afterEnd = after.count - tail;
  if (head === beforeEnd) after.changed.fill(1, head, afterEnd);
  else if (head === afterEnd) before.changed.fill(1, head, beforeEnd);
  else {
    classes.number(before, after, head, tail);
    setAside(before, head, beforeEnd, classes.after);
    setAside(after, head, afterEnd, classes.before);
    markChanges(before, after, graph);
  }
  const unchangedTo = slideGroups(before, after, head, beforeEnd);
  slideGroups(after, before, unchangedTo, afterEnd);
}
