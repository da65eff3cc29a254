import type { Text } from "./text.js";

/** Lines that give way to other lines, in one place. Line numbers count from 0, ends are exclusive. */
export interface Change {
  readonly beforeStart: number;
  readonly beforeEnd: number;
  readonly afterStart: number;
  readonly afterEnd: number;
}

/** Changes that are printed under one `@@`, with the lines around them. */
export interface Hunk extends Change {
  readonly changes: readonly Change[];
}

/** The changes that two marked files show, in order. */
export function changesOf(before: Text, after: Text): Change[] {
  const changes: Change[] = [];
  let i = 0;
  let j = 0;
  while (i < before.count || j < after.count) {
    const beforeStart = i;
    const afterStart = j;
    while (before.changed[i] === 1) i += 1;
    while (after.changed[j] === 1) j += 1;
    if (i > beforeStart || j > afterStart) changes.push({ beforeStart, beforeEnd: i, afterStart, afterEnd: j });
    i += 1;
    j += 1;
  }
  return changes;
}

/**
 * Joins changes that at most twice `contextLines` unchanged lines part, and puts `contextLines` around them, as far as
 * there are any.
 */
export function gatherHunks(before: Text, after: Text, contextLines: number): Hunk[] {
  const hunks: Hunk[] = [];
  const changes = changesOf(before, after);
  let first = 0;
  changes.forEach((change, i) => {
    const next = changes[i + 1];
    if (next !== undefined && next.beforeStart - change.beforeEnd <= 2 * contextLines) return;
    hunks.push(hunkOf(before, changes.slice(first, i + 1), contextLines));
    first = i + 1;
  });
  return hunks;
}

function hunkOf(before: Text, changes: Change[], contextLines: number): Hunk {
  const first = changes[0] as Change;
  const last = changes.at(-1) as Change;
  const behind = Math.min(contextLines, before.count - last.beforeEnd);
  return {
    beforeStart: Math.max(0, first.beforeStart - contextLines),
    beforeEnd: last.beforeEnd + behind,
    afterStart: Math.max(0, first.afterStart - contextLines),
    afterEnd: last.afterEnd + behind,
    changes,
  };
}
