import type { HunkReader } from "./hunk-reader.js";
import { looksLikeBody, markerOf, mayContinue } from "./private-key.js";

/** What a hunk's beginning is within. */
export interface Surroundings {
  /** Whether the line before it belongs to a private key, in the old file and in the new one. */
  readonly old: boolean;
  readonly new: boolean;
  /** Whether a heading that looks like a line of a key may be one. */
  readonly heading: boolean;
}

const OUTSIDE: Surroundings = { old: false, new: false, heading: false };
/** Nobody can tell: what looks like a key counts as one. */
const UNKNOWN: Surroundings = { old: true, new: true, heading: true };
/** So many lines of a hunk are compared with the file. */
const COMPARED_LINES = 16;

/** Where the hunk before ended. */
export interface HunkEnd {
  /** The number of the line behind it in the new file, from 1. */
  readonly newLine: number;
  readonly old: boolean;
  readonly new: boolean;
}

/**
 * Says of each hunk whether it begins within a private key. What stands between hunks is the same on both sides, so that the
 * new file tells it of the old one, too.
 */
export class KeySurroundings {
  readonly #textOf: (() => string | undefined) | undefined;
  /** Of the new file; `undefined`: not asked for yet; `null`: not to be had. */
  #lines: readonly string[] | null | undefined;
  #holdsKey = true;

  /** @param textOf the whole new file, asked for once at most, and only where it matters; `undefined`: nobody knows it */
  constructor(textOf: (() => string | undefined) | undefined) {
    this.#textOf = textOf;
  }

  /** @param reader at the `@@` line of the hunk @param before of the hunk before; of none, line 1 */
  at(reader: HunkReader, before: HunkEnd): Surroundings {
    if (!this.matter(reader)) return OUTSIDE;
    const lines = this.#newLines();
    if (lines === null || !agrees(lines, reader)) return UNKNOWN;
    for (let number = reader.newLine - 1; number >= before.newLine; number -= 1) {
      const line = lines[number - 1] ?? "";
      const marker = markerOf(line);
      if (marker !== undefined || !mayContinue(line)) {
        const isInside = marker === "BEGIN";
        return { old: isInside, new: isInside, heading: this.#holdsKey };
      }
    }
    return { old: before.old, new: before.new, heading: this.#holdsKey };
  }

  /** Whether a hunk may begin within a private key, as it looks. @param reader at its `@@` line */
  matter(reader: HunkReader): boolean {
    if (reader.newLine <= 1 || reader.oldLine <= 1) return false;
    return looksLikeBody(reader.text.slice(reader.start, reader.end)) || looksInside(reader);
  }

  #newLines(): readonly string[] | null {
    if (this.#lines === undefined) {
      const text = this.#textOf?.()?.replaceAll("\0", "");
      this.#lines = text === undefined ? null : text.split(/\r?\n/);
      this.#holdsKey = text === undefined || text.includes("PRIVATE KEY");
    }
    return this.#lines;
  }
}

/** A line's content. A text of two bytes a character has a NUL in each. */
export function contentOf(reader: HunkReader): string {
  const line = reader.text.slice(reader.start, reader.end);
  return line.includes("\0") ? line.replaceAll("\0", "") : line;
}

/** Whether a hunk begins, on either side, as the middle of a key looks. */
function looksInside(reader: HunkReader): boolean {
  const ahead = reader.fork();
  let old = true;
  let now = true;
  while ((old || now) && ahead.advance() && ahead.kind !== "hunk") {
    const { kind } = ahead;
    if (kind === "other" || (kind === "added" && !now) || (kind === "removed" && !old)) continue;
    const line = contentOf(ahead);
    if (looksLikeBody(line) || markerOf(line) === "END") return true;
    if (mayContinue(line)) continue;
    if (kind !== "added") old = false;
    if (kind !== "removed") now = false;
  }
  return false;
}

/** Whether a hunk was made of this file: it may have been written since. */
function agrees(lines: readonly string[], reader: HunkReader): boolean {
  const ahead = reader.fork();
  for (let compared = 0; compared < COMPARED_LINES; ) {
    const number = ahead.newLine;
    if (!ahead.advance() || ahead.kind === "hunk") return true;
    if (ahead.kind !== "context" && ahead.kind !== "added") continue;
    if (lines[number - 1] !== contentOf(ahead)) return false;
    compared += 1;
  }
  return true;
}
