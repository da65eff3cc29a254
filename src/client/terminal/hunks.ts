/** Lines around one that is new which are shown with it. */
const CONTEXT = 3;

/** A line of a hunk, with its sign. */
export interface HunkLine {
  text: string;
  /** It was not in the patch before. */
  isNew: boolean;
}

/** What is to be shown of one hunk, or of a part of it. */
export interface ChangedHunk {
  /** `@@ -1,3 +1,4 @@ section`, true for the lines that follow. */
  head: string;
  lines: HunkLine[];
}

/**
 * The parts of a patch that were not in the one before: what is new in it, with a few lines around.
 *
 * @param before the hunks of the file before, from the first `@@` on; "" when it had none
 * @param after the hunks now
 * @returns none when hunks have only gone
 */
export function changedHunks(before: string, after: string): ChangedHunk[] {
  const known = countLines(before);
  return hunksOf(after).flatMap((hunk) => {
    const lines = hunk.lines.map((text): HunkLine => ({ text, isNew: !takeLine(known, text) }));
    // lines of context are new wherever a hunk grows: they count where nothing else is, as after an edit that was undone
    const isEdit = ({ text, isNew }: HunkLine) => isNew && text[0] !== " ";
    const shown = lines.some(isEdit) ? isEdit : ({ isNew }: HunkLine) => isNew;
    return windowsOf(lines, shown).map(([from, to]) => partOf(hunk, lines, from, to));
  });
}

interface Hunk {
  oldStart: number;
  newStart: number;
  section: string;
  lines: string[];
}

function hunksOf(text: string): Hunk[] {
  const hunks: Hunk[] = [];
  for (const line of text.split("\n")) {
    const [, oldStart, newStart, section = ""] = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/.exec(line) ?? [];
    if (oldStart !== undefined)
      hunks.push({ oldStart: Number(oldStart), newStart: Number(newStart), section, lines: [] });
    else if (line !== "") hunks.at(-1)?.lines.push(line);
  }
  return hunks;
}

/** How often each line is there; heads of hunks are none. */
function countLines(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { lines } of hunksOf(text)) for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

function takeLine(counts: Map<string, number>, line: string): boolean {
  const count = counts.get(line) ?? 0;
  if (count > 0) counts.set(line, count - 1);
  return count > 0;
}

/** Where lines are shown: from, and to without. */
function windowsOf(lines: readonly HunkLine[], isShown: (line: HunkLine) => boolean): [from: number, to: number][] {
  const windows: [number, number][] = [];
  for (const [at, line] of lines.entries()) {
    if (!isShown(line)) continue;
    const [from, to] = [Math.max(0, at - CONTEXT), Math.min(lines.length, at + 1 + CONTEXT)];
    const last = windows.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else windows.push([from, to]);
  }
  return windows;
}

function partOf(hunk: Hunk, lines: readonly HunkLine[], from: number, to: number): ChangedHunk {
  const [oldBefore, newBefore] = countSides(hunk.lines.slice(0, from));
  const [oldCount, newCount] = countSides(hunk.lines.slice(from, to));
  const side = (start: number, before: number, count: number) => `${start + before},${count}`;
  const range = `-${side(hunk.oldStart, oldBefore, oldCount)} +${side(hunk.newStart, newBefore, newCount)}`;
  return { head: `@@ ${range} @@${hunk.section}`, lines: lines.slice(from, to) };
}

/** How many lines of each side there are; `\ No newline at end of file` is none. */
function countSides(lines: readonly string[]): [old: number, now: number] {
  let [old, now] = [0, 0];
  for (const line of lines) {
    if (line[0] === " " || line[0] === "-") old += 1;
    if (line[0] === " " || line[0] === "+") now += 1;
  }
  return [old, now];
}
