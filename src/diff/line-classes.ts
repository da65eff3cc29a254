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
  /** An open-addressing table of places for two numbers: `class + 1`, 0 when the place is free, and the line's hash. */
  readonly #slots: Int32Array;
  /** By class, its first line: the line number in the file before, or `-1 - line` in the file after. */
  readonly #firsts: Int32Array;
  #count = 0;

  /** @param capacity at least as many as distinct lines will be added */
  constructor(before: Text, after: Text, capacity: number) {
    this.#files = [before, after];
    this.#slots = new Int32Array(2 << (33 - Math.clz32(capacity)));
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
    const hash = text.hashes[line] as number;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    for (;;) {
      const found = (slots[slot] as number) - 1;
      if (found < 0) break;
      if (slots[slot + 1] === hash && this.#isFirst(found, text, line)) return found;
      slot = (slot + 2) & mask;
    }
    if (!add) return -1;
    const created = this.#count++;
    slots[slot] = created + 1;
    slots[slot + 1] = hash;
    this.#firsts[created] = side === 0 ? line : -1 - line;
    return created;
  }

  #isFirst(known: number, text: Text, line: number): boolean {
    const first = this.#firsts[known] as number;
    return first < 0 ? text.isSameLine(line, this.#files[1], -1 - first) : text.isSameLine(line, this.#files[0], first);
  }
}
