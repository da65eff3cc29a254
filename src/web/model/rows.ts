/** Characters that turn the order of what stands behind them, so that a program reads otherwise than it runs. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

/**
 * The lines of a file's hunks, with their first character, as `diff --git` has them: `@` begins a hunk, ` ` is in both
 * versions, `-` in the old one, `+` in the new one, `\` says that the line before has no line feed. Characters that turn the
 * order of letters are spelled out.
 *
 * @param hunks from the first `@@` to the end, or ""
 */
export function rowsOf(hunks: string): string[] {
  if (hunks === "") return [];
  const text = hunks.endsWith("\n") ? hunks.slice(0, -1) : hunks;
  return text.replace(TURNING, (turning) => `⟨U+${turning.charCodeAt(0).toString(16).toUpperCase()}⟩`).split("\n");
}

/** How many rows two versions of a file's rows share at the start and, beyond those, at the end. */
export interface CommonRows {
  prefix: number;
  suffix: number;
}

/** Where two versions of a file's rows differ. The numbers in a hunk's head count for nothing: lines above may have moved it. */
export function commonRows(before: readonly string[], after: readonly string[]): CommonRows {
  const shorter = Math.min(before.length, after.length);
  let prefix = 0;
  while (prefix < shorter && sameRow(before[prefix], after[prefix])) prefix += 1;
  let suffix = 0;
  while (suffix < shorter - prefix && sameRow(before[before.length - 1 - suffix], after[after.length - 1 - suffix])) {
    suffix += 1;
  }
  return { prefix, suffix };
}

/**
 * Where a row of one version stands in the next.
 *
 * @param at its place before
 * @returns the place of the same row, or of the one that has come where it was
 */
export function followRow(before: readonly string[], after: readonly string[], at: number): number {
  const { prefix, suffix } = commonRows(before, after);
  if (at < prefix) return at;
  if (at >= before.length - suffix) return at + after.length - before.length;
  const end = after.length - suffix;
  const row = before[at];
  // the nearest of the same content, for a line may be there twice
  for (let distance = 0; distance <= Math.max(end - prefix, 0); distance += 1) {
    for (const candidate of [at - distance, at + distance]) {
      if (candidate >= prefix && candidate < end && after[candidate] === row) return candidate;
    }
  }
  return Math.max(0, Math.min(at, end - 1));
}

/** What a hunk's head says: the numbers of its first lines, and the heading behind them. */
export interface HunkHead {
  oldStart: number;
  newStart: number;
  /** The number of the old version's line that the hunk begins with, or that would come next where it has none of them. */
  oldFirst: number;
  /** The same in the new version. */
  newFirst: number;
  heading: string;
}

const HUNK_HEAD = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/s;

/** @returns `undefined` for what is no hunk's head */
export function readHunkHead(row: string): HunkHead | undefined {
  const [, oldText, oldCount, newText, newCount, heading = ""] = HUNK_HEAD.exec(row) ?? [];
  if (oldText === undefined) return undefined;
  const [oldStart, newStart] = [Number(oldText), Number(newText)];
  // of no lines, a head names the one before them
  const oldFirst = oldCount === "0" ? oldStart + 1 : oldStart;
  const newFirst = newCount === "0" ? newStart + 1 : newStart;
  return { oldStart, newStart, oldFirst, newFirst, heading };
}

function sameRow(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || !a.startsWith("@@") || !b.startsWith("@@")) return false;
  return readHunkHead(a)?.heading === readHunkHead(b)?.heading;
}
