import { readHunkHead, rowsOf } from "./rows.js";

/** Lines of a file's old version that its diff leaves out: `from` up to but without `to`, from 1. */
export interface Gap {
  from: number;
  /** `undefined`: the end of the file, which is not known yet. */
  to: number | undefined;
}

/** A file's rows, with more lines around the hunks. */
export interface WiderRows {
  rows: readonly string[];
  /**
   * Where each of the rows stands that were given. A hunk's head that joined the hunk before: where the next one does.
   * `undefined`: where it was.
   */
  places: readonly number[] | undefined;
}

/** So many unchanged lines stand around what changed in each hunk; less at its end is the end of the file. */
const HUNK_CONTEXT = 3;

const NO_NEWLINE = "\\ No newline at end of file";

/** The id of the blob that a file's old version is; `undefined` where its header names none. */
export function oldBlobOf(header: string): string | undefined {
  const [, blob = ""] = /^index ([0-9a-f]{40,64})\.\./m.exec(header) ?? [];
  return /[^0]/.test(blob) ? blob : undefined;
}

/**
 * Lines of a file's old version that are shown around its hunks although the diff leaves them out. Both versions have them, so
 * that the old one's are enough, which no edit changes: they stay where they are for as long as the blob is the same.
 */
export class OldLines {
  readonly blob: string;
  /** Rows (rows.ts) by the numbers of their lines. */
  readonly #rows = new Map<number, string>();
  #count: number | undefined;
  #lacksNewline = false;

  constructor(blob: string) {
    this.blob = blob;
  }

  /** How many lines the version has; `undefined`: not known yet. */
  get count(): number | undefined {
    return this.#count;
  }

  /** @param count of the whole version */
  setCount(count: number): void {
    this.#count = count;
  }

  /**
   * Shows lines from now on.
   *
   * @param from the number of the first one
   * @param text with their line feeds, of which the last line of the file may have none
   */
  add(from: number, text: string): void {
    if (text === "") return;
    for (const [at, row] of rowsOf(text).entries()) this.#rows.set(from + at, ` ${row}`);
    if (!text.endsWith("\n")) this.#lacksNewline = true;
  }

  /**
   * Goes on showing the lines of hunks that touch what is shown, whatever becomes of the hunks: what is read amid them does
   * not go when an edit is taken back.
   *
   * @param rows as they were until now, without what was added
   */
  keep(rows: readonly string[]): void {
    if (this.#rows.size === 0) return;
    for (const { oldFirst, old, lacksNewline } of hunksOf(rows)) {
      const end = oldFirst + old.length;
      if (!this.#rows.has(oldFirst - 1) && !this.#rows.has(end)) continue;
      for (const [at, text] of old.entries()) this.#rows.set(oldFirst + at, ` ${text}`);
      if (lacksNewline) [this.#count, this.#lacksNewline] = [end - 1, true];
    }
  }

  /**
   * Puts the lines where they belong. Hunks between which nothing is missing become one; lines that touch no hunk stand below
   * a head of their own.
   *
   * @param rows of the file's diff (rows.ts)
   */
  widen(rows: readonly string[]): WiderRows {
    if (this.#rows.size === 0) return { rows, places: undefined };
    const stretches = this.#stretches();
    const wide: string[] = [];
    const places: number[] = [];
    let [oldLine, newLine] = [1, 1];
    const put = (from: number, to: number, heading: string): void => {
      const isJoined = wide.length > 0 && from === oldLine;
      newLine += from - oldLine;
      if (!isJoined) wide.push(`@@ -${from} +${newLine} @@ ${heading}`);
      for (let line = from; line < to; line += 1) wide.push(this.#rows.get(line) ?? "");
      if (to - 1 === this.#count && this.#lacksNewline) wide.push(NO_NEWLINE);
      newLine += to - from;
      oldLine = to;
    };
    for (const row of rows) {
      const head = row.startsWith("@") ? readHunkHead(row) : undefined;
      if (head === undefined) {
        places.push(wide.push(row) - 1);
        if (row.startsWith(" ") || row.startsWith("-")) oldLine += 1;
        if (row.startsWith(" ") || row.startsWith("+")) newLine += 1;
        continue;
      }
      let isJoined = false;
      for (const { from, to } of within(stretches, oldLine, head.oldFirst)) {
        isJoined = to === head.oldFirst;
        put(from, to, isJoined && this.#find(head.heading, from, to) === undefined ? head.heading : "");
      }
      places.push(wide.length);
      if (!isJoined) wide.push(row);
      [oldLine, newLine] = [head.oldFirst, head.newFirst];
    }
    for (const { from, to } of within(stretches, oldLine, Number.POSITIVE_INFINITY)) put(from, to, "");
    return { rows: wide, places };
  }

  #find(heading: string, from: number, to: number): number | undefined {
    return findHeading(heading, from, to, (line) => this.#rows.get(line)?.slice(1));
  }

  /** The lines that are there, as ranges, ascending. */
  #stretches(): { from: number; to: number }[] {
    const stretches: { from: number; to: number }[] = [];
    for (const line of [...this.#rows.keys()].sort((a, b) => a - b)) {
      const last = stretches.at(-1);
      if (last?.to === line) last.to = line + 1;
      else stretches.push({ from: line, to: line + 1 });
    }
    return stretches;
  }
}

/**
 * Finds the line that a hunk's heading is made of: the nearest above that begins with it. Git cuts a heading, and leaves out
 * what stands before it.
 *
 * @param textOf a line as rows show it (rows.ts), without its first character; `undefined`: not known
 */
export function findHeading(
  heading: string,
  from: number,
  to: number,
  textOf: (line: number) => string | undefined,
): number | undefined {
  const wanted = heading.trim().replace(/\ufffd+$/, ""); // it may be cut within a character
  if (wanted === "") return undefined;
  for (let line = to - 1; line >= from; line -= 1)
    if (textOf(line)?.trimStart().startsWith(wanted) === true) return line;
  return undefined;
}

/** How many lines the old version has, where a diff tells. @param rows of the diff, as they came */
export function countOldLines(rows: readonly string[]): number | undefined {
  const unchanged = rows.length - 1 - rows.findLastIndex((row) => !row.startsWith(" "));
  const isEnd = unchanged < HUNK_CONTEXT; // a line that says that there is no line feed is none of them
  return rows.length > 0 && isEnd ? gapBehind(rows, undefined).from - 1 : undefined;
}

/** What is left out behind the last row. @param count of the old version's lines; `undefined`: not known */
export function gapBehind(rows: readonly string[], count: number | undefined): Gap {
  const head = rows.findLastIndex((row) => row.startsWith("@"));
  let from = readHunkHead(rows[head] ?? "")?.oldFirst ?? 1;
  for (const row of rows.slice(head + 1)) if (row.startsWith(" ") || row.startsWith("-")) from += 1;
  return { from, to: count === undefined ? undefined : count + 1 };
}

interface Hunk {
  oldFirst: number;
  /** The lines of the old version. */
  old: string[];
  /** The last of them is the file's, and has no line feed. */
  lacksNewline: boolean;
}

function hunksOf(rows: readonly string[]): Hunk[] {
  const hunks: Hunk[] = [];
  let sign = "";
  for (const row of rows) {
    const head = row.startsWith("@") ? readHunkHead(row) : undefined;
    if (head !== undefined) hunks.push({ oldFirst: head.oldFirst, old: [], lacksNewline: false });
    const hunk = hunks.at(-1);
    if (head !== undefined || hunk === undefined) continue;
    if (row.startsWith("\\")) {
      if (sign !== "+") hunk.lacksNewline = true;
      continue;
    }
    sign = row.charAt(0);
    if (sign !== "+") hunk.old.push(row.slice(1));
  }
  return hunks;
}

function within(stretches: readonly { from: number; to: number }[], from: number, to: number) {
  return stretches.flatMap((each) => {
    const part = { from: Math.max(each.from, from), to: Math.min(each.to, to) };
    return part.from < part.to ? [part] : [];
  });
}
