import type { Text } from "./text.js";

/**
 * Numbers the distinct lines of two files: two lines are the same bytes if and only if they have the same number, so
 * that the search compares integers. Counts how often each stands in either file.
 */
export class LineClasses {
  /** By class: how many lines of the file before, and of the file after, belong to it. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  readonly #files: readonly [Text, Text];
  /** An open-addressing table of `class + 1`; 0 is free. */
  readonly #slots: Int32Array;
  readonly #hashes: Int32Array;
  /** By class, its first line: the line number in the file before, or `-1 - line` in the file after. */
  readonly #firsts: Int32Array;
  #count = 0;

  /** @param capacity at least as many as distinct lines will be added */
  constructor(before: Text, after: Text, capacity: number) {
    this.#files = [before, after];
    this.#slots = new Int32Array(1 << (33 - Math.clz32(capacity)));
    this.#hashes = new Int32Array(capacity);
    this.#firsts = new Int32Array(capacity);
    this.before = new Int32Array(capacity);
    this.after = new Int32Array(capacity);
  }

  /** The classes of a file's lines in `[from, to)`, counted, new ones added. @param side 0: before, 1: after */
  number(side: 0 | 1, from: number, to: number): Int32Array {
    const classes = new Int32Array(to - from);
    const counts = side === 0 ? this.before : this.after;
    for (let line = from; line < to; line += 1) {
      const found = this.#find(side, line, true);
      counts[found] = (counts[found] as number) + 1;
      classes[line - from] = found;
    }
    return classes;
  }

  /** Counts lines `[from, to)` of the file before that stand in both files alike; unknown ones are passed over. */
  countCommon(from: number, to: number): void {
    for (let line = from; line < to; line += 1) {
      const found = this.#find(0, line, false);
      if (found < 0) continue;
      this.before[found] = (this.before[found] as number) + 1;
      this.after[found] = (this.after[found] as number) + 1;
    }
  }

  #find(side: 0 | 1, line: number, add: boolean): number {
    const text = this.#files[side];
    const hash = hashOf(text.bytes, text.start(line), text.end(line));
    const mask = this.#slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const found = (this.#slots[slot] as number) - 1;
      if (found < 0) break;
      if (this.#hashes[found] === hash && this.#isLine(found, text, line)) return found;
      slot = (slot + 1) & mask;
    }
    if (!add) return -1;
    const created = this.#count++;
    this.#slots[slot] = created + 1;
    this.#hashes[created] = hash;
    this.#firsts[created] = side === 0 ? line : -1 - line;
    return created;
  }

  #isLine(known: number, text: Text, line: number): boolean {
    const first = this.#firsts[known] as number;
    const knownText = this.#files[first < 0 ? 1 : 0];
    const knownLine = first < 0 ? -1 - first : first;
    let i = knownText.start(knownLine);
    let j = text.start(line);
    const end = knownText.end(knownLine);
    if (end - i !== text.end(line) - j) return false;
    while (i < end) if (knownText.bytes[i++] !== text.bytes[j++]) return false;
    return true;
  }
}

/** FNV-1a, 32 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i += 1) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash;
}
