/** A stretch of a text, in UTF-16 units: from `start` up to but without `end`. */
export interface Span {
  start: number;
  end: number;
}

/** Longer lines have no words marked: it would take too long for what it shows. UTF-16 units. */
const LONGEST_LINE = 1_000;
/** So many tokens of one line are compared with so many of another; it costs their product. */
const MOST_TOKENS = 200;
/** Lines that share less than this part of their text are two lines, and not one that was edited. */
const LEAST_SHARED = 0.3;

/**
 * What differs within lines that were edited.
 *
 * @param before lines of the old version, joined by line feeds
 * @param after of the new one; when there are as many, the first is compared with the first, and so on
 * @returns stretches of `before` and of `after`
 */
export function changedWords(before: string, after: string): { old: Span[]; new: Span[] } {
  const spans: { old: Span[]; new: Span[] } = { old: [], new: [] };
  const [oldLines, newLines] = [before.split("\n"), after.split("\n")];
  if (oldLines.length !== newLines.length) return spans;
  let [oldAt, newAt] = [0, 0];
  for (const [index, oldLine] of oldLines.entries()) {
    const newLine = newLines[index] ?? "";
    compareLines(oldLine, newLine, (side, start, end) => {
      const at = side === "old" ? oldAt : newAt;
      spans[side].push({ start: at + start, end: at + end });
    });
    oldAt += oldLine.length + 1;
    newAt += newLine.length + 1;
  }
  return spans;
}

function compareLines(
  before: string,
  after: string,
  mark: (side: "old" | "new", start: number, end: number) => void,
): void {
  if (before === after || Math.max(before.length, after.length) > LONGEST_LINE) return;
  const [a, b] = [tokens(before), tokens(after)];
  let prefix = 0;
  while (prefix < Math.min(a.length, b.length) && a[prefix] === b[prefix]) prefix += 1;
  let suffix = 0;
  while (suffix < Math.min(a.length, b.length) - prefix && a[a.length - 1 - suffix] === b[b.length - 1 - suffix]) {
    suffix += 1;
  }
  const oldMiddle = a.slice(prefix, a.length - suffix);
  const newMiddle = b.slice(prefix, b.length - suffix);
  if (oldMiddle.length > MOST_TOKENS || newMiddle.length > MOST_TOKENS) return;
  const shared = sharedTokens(oldMiddle, newMiddle);
  const sharedUnits =
    units(a.slice(0, prefix)) +
    units(a.slice(a.length - suffix)) +
    units([...shared.old].map((at) => oldMiddle[at] ?? ""));
  const blank = before.trim() === "" || after.trim() === "";
  if (blank || sharedUnits < LEAST_SHARED * Math.max(before.length, after.length)) return;
  markOthers(oldMiddle, units(a.slice(0, prefix)), shared.old, (start, end) => mark("old", start, end));
  markOthers(newMiddle, units(b.slice(0, prefix)), shared.new, (start, end) => mark("new", start, end));
}

/** Marks each stretch of tokens that the other side lacks. @param at where the first token stands */
function markOthers(
  texts: readonly string[],
  at: number,
  shared: ReadonlySet<number>,
  mark: (start: number, end: number) => void,
): void {
  let end = at;
  let start: number | undefined;
  for (const [index, text] of texts.entries()) {
    if (shared.has(index) && start !== undefined) {
      mark(start, end);
      start = undefined;
    } else if (!shared.has(index)) start ??= end;
    end += text.length;
  }
  if (start !== undefined) mark(start, end);
}

/** The places of a longest common subsequence on either side. */
function sharedTokens(a: readonly string[], b: readonly string[]): { old: Set<number>; new: Set<number> } {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const longest =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
      lengths[i * width + j] = longest;
    }
  }
  const shared = { old: new Set<number>(), new: new Set<number>() };
  for (let [i, j] = [0, 0]; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      shared.old.add(i++);
      shared.new.add(j++);
    } else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) i += 1;
    else j += 1;
  }
  return shared;
}

function tokens(line: string): string[] {
  return line.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
}

function units(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}
