import { commonRows } from "./rows.js";

/** For so long a line counts as changed just now. Milliseconds. */
export const JUST_NOW_MS = 10_000;

/** Rows of a file, from `from` up to but without `to`. */
export interface RowRange {
  from: number;
  to: number;
}

/**
 * The lines that an edit has brought into a file's diff.
 *
 * @param before the rows of the last state; none when the file had no diff
 * @param after those of the new one
 * @returns stretches of `after` that hold added or removed lines which were not there before; empty when lines only went
 */
export function freshRows(before: readonly string[], after: readonly string[]): RowRange[] {
  const { prefix, suffix } = commonRows(before, after);
  const known = new Map<string, number>();
  for (const row of before.slice(prefix, before.length - suffix)) known.set(row, (known.get(row) ?? 0) + 1);
  const ranges: RowRange[] = [];
  for (let at = prefix; at < after.length - suffix; at += 1) {
    const row = after[at] ?? "";
    if (!row.startsWith("+") && !row.startsWith("-")) continue;
    const left = known.get(row) ?? 0;
    if (left > 0) {
      known.set(row, left - 1); // it has only moved
      continue;
    }
    const last = ranges.at(-1);
    if (last?.to === at) last.to = at + 1;
    else ranges.push({ from: at, to: at + 1 });
  }
  return ranges;
}

/** Where ranges of rows stand after another edit. @returns those of which something is left */
export function followRanges(
  ranges: readonly RowRange[],
  before: readonly string[],
  after: readonly string[],
): RowRange[] {
  const { prefix, suffix } = commonRows(before, after);
  const shift = after.length - before.length;
  const end = before.length - suffix;
  return ranges.flatMap(({ from, to }) => {
    const head = { from, to: Math.min(to, prefix) };
    const tail = { from: Math.max(from, end) + shift, to: to + shift };
    return [head, tail].filter((range) => range.from < range.to);
  });
}
