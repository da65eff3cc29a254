/** What a line of a patch's hunks is. */
export type LineKind =
  /** `@@ -1,3 +1,4 @@ heading`. */
  | "hunk"
  | "context"
  | "added"
  | "removed"
  /** `\ No newline at end of file`, and the headers of a second patch: a change of kind has two. */
  | "other";

const HUNK = /^@@ -(\d{1,12})(?:,(\d{1,12}))? \+(\d{1,12})(?:,(\d{1,12}))? @@ ?/;
/** The longest line without its heading. Units. */
const MAX_HUNK_UNITS = 80;

/**
 * Walks over hunks as git prints them, line by line; its fields are those of the line that it has come to. Counts tell a
 * removed line that begins with `-- ` from a header. It makes no object of a line: a large patch has many.
 */
export class HunkReader {
  readonly text: string;
  kind: LineKind = "other";
  /** Where the content begins: behind the sign, or behind the second `@@ `. */
  start = 0;
  /** Behind the content, before a carriage return or the line feed. */
  end = 0;
  /** Behind the line feed. */
  next: number;
  /** The numbers of the line that comes next in the old and the new file, from 1. */
  oldLine = 1;
  newLine = 1;
  #oldLeft = 0;
  #newLeft = 0;

  constructor(text: string, from = 0) {
    this.text = text;
    this.next = from;
  }

  /** A reader at a line of which only is known that it is one of a hunk or its `@@` line. Its numbers do not count. */
  static within(text: string, from: number): HunkReader {
    const reader = new HunkReader(text, from);
    reader.#oldLeft = Number.POSITIVE_INFINITY;
    return reader;
  }

  /** Another reader at the same place. */
  fork(): HunkReader {
    const fork = new HunkReader(this.text, this.next);
    [fork.oldLine, fork.newLine] = [this.oldLine, this.newLine];
    [fork.#oldLeft, fork.#newLeft] = [this.#oldLeft, this.#newLeft];
    return fork;
  }

  /** Goes on to the next line. @returns whether there is one */
  advance(): boolean {
    const { text } = this;
    const at = this.next;
    if (at >= text.length) return false;
    const feed = text.indexOf("\n", at);
    this.next = feed < 0 ? text.length : feed + 1;
    let end = feed < 0 ? text.length : feed;
    if (end > at && text.charCodeAt(end - 1) === 13) end -= 1;
    this.end = end;
    this.start = Math.min(at + 1, end);
    const sign = text.charCodeAt(at);
    if (sign === 64 || (this.#oldLeft <= 0 && this.#newLeft <= 0)) this.#between(at, sign);
    else if (sign === 43) this.#count("added", 0, 1);
    else if (sign === 45) this.#count("removed", 1, 0);
    else if (sign === 92) this.#other(at);
    else this.#count("context", 1, 1);
    return true;
  }

  #count(kind: LineKind, old: number, now: number): void {
    this.kind = kind;
    this.#oldLeft -= old;
    this.#newLeft -= now;
    this.oldLine += old;
    this.newLine += now;
  }

  #other(at: number): void {
    this.kind = "other";
    this.start = at;
  }

  #between(at: number, sign: number): void {
    const head = sign === 64 ? HUNK.exec(this.text.slice(at, Math.min(this.end, at + MAX_HUNK_UNITS))) : null;
    if (head === null) {
      this.#other(at);
      return;
    }
    const [whole, oldStart, oldCount = "1", newStart, newCount = "1"] = head;
    this.kind = "hunk";
    this.start = Math.min(this.end, at + whole.length);
    [this.oldLine, this.newLine] = [Number(oldStart), Number(newStart)];
    [this.#oldLeft, this.#newLeft] = [Number(oldCount), Number(newCount)];
  }
}
