import type { Gap } from "./old-lines.js";
import { readHunkHead } from "./rows.js";

/** Lines that follow each other in one version of a file. */
export interface Lines {
  /** Joined by line feeds, without the first character of a diff's rows. */
  text: string;
  /** How many lines it is. */
  count: number;
  /** The number of the first line in its version; from 1. */
  start: number;
  /** The last line of `text` is no line of the file: it says that there is no line feed at its end. */
  lacksNewline: boolean;
}

/** What a file's diff is shown as, from top to bottom. */
export type Block =
  /** `gap`: the lines that are left out before it; it may be empty. */
  | { kind: "hunk"; row: number; heading: string; oldStart: number; newStart: number; gap: Gap }
  /** In both versions; `lines.start` counts in the new one. */
  | { kind: "same"; row: number; lines: Lines; oldStart: number }
  | { kind: "change"; row: number; old: Lines | undefined; new: Lines | undefined };

/** Longer runs are cut here, so that a browser lays out no more than what is near the screen. Lines. */
export const MOST_LINES = 500;

const NO_NEWLINE = "No newline at end of file";

/** @param rows of one file */
export function blocksOf(rows: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let [oldLine, newLine] = [1, 1];
  let at = 0;
  while (at < rows.length) {
    const row = rows[at] ?? "";
    const head = row.startsWith("@") ? readHunkHead(row) : undefined;
    if (head !== undefined) {
      const { heading, oldStart, newStart, oldFirst } = head;
      blocks.push({ kind: "hunk", row: at, heading, oldStart, newStart, gap: { from: oldLine, to: oldFirst } });
      [oldLine, newLine] = [oldStart, newStart];
      at += 1;
      continue;
    }
    const first = at;
    if (row.startsWith("-") || row.startsWith("+")) {
      const old = take(rows, at, "-", oldLine);
      const added = take(rows, old.end, "+", newLine);
      // `-` again: the other side is at its limit, or there is one line after another; a new block begins
      at = added.end;
      blocks.push({ kind: "change", row: first, old: old.lines, new: added.lines });
      oldLine += old.numbered;
      newLine += added.numbered;
      continue;
    }
    const same = take(rows, at, " ", newLine);
    if (same.lines === undefined) {
      at += 1; // a row that no diff has: nothing to show
      continue;
    }
    at = same.end;
    blocks.push({ kind: "same", row: first, lines: same.lines, oldStart: oldLine });
    oldLine += same.numbered;
    newLine += same.numbered;
  }
  return blocks;
}

/** How many rows of the screen a block takes: its sides below each other, or beside. */
export function heightsOf(block: Block): { unified: number; split: number } {
  if (block.kind === "hunk") return { unified: 1, split: 1 };
  if (block.kind === "same") return { unified: block.lines.count, split: block.lines.count };
  const [old, added] = [block.old?.count ?? 0, block.new?.count ?? 0];
  return { unified: old + added, split: Math.max(old, added) };
}

function take(
  rows: readonly string[],
  from: number,
  sign: string,
  start: number,
): { lines: Lines | undefined; end: number; numbered: number } {
  const texts: string[] = [];
  let end = from;
  let lacksNewline = false;
  while (texts.length < MOST_LINES && rows[end]?.startsWith(sign) === true) {
    texts.push(rows[end]?.slice(1) ?? "");
    end += 1;
  }
  const numbered = texts.length;
  if (numbered > 0 && rows[end]?.startsWith("\\") === true) {
    texts.push(NO_NEWLINE);
    lacksNewline = true;
    end += 1;
  }
  const lines = { text: texts.join("\n"), count: texts.length, start, lacksNewline };
  return { lines: numbered === 0 ? undefined : lines, end, numbered };
}
