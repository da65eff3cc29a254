import type { Text } from "./text.js";

const FIRST_CAPACITY = 64;

/**
 * Numbers the distinct lines of two files: two lines are the same bytes if and only if they have the same number, so
 * that the search compares integers. Counts how often each stands in either file.
 */
export class LineClasses {
  /** By class: how many lines of the file before, and of the file after, belong to it. */
  before = new Int32Array(FIRST_CAPACITY);
  after = new Int32Array(FIRST_CAPACITY);
  #files: readonly [Text, Text] | undefined;
  /** An open-addressing table of places for two numbers: `class + 1`, 0 when the place is free, and the line's hash. */
  #slots = new Int32Array(FIRST_CAPACITY);
  #mask = 0;
  /** By class, its first line: the line number in the file before, or `-1 - line` in the file after. */
  #firsts = new Int32Array(FIRST_CAPACITY);
  #count = 0;

  /**
   * Numbers the lines `[head, before.count - tail)` and `[head, after.count - tail)`, which go into `classes` of either
   * text; the others, which both files have alike, only count for those.
   */
  number(before: Text, after: Text, head: number, tail: number): void {
    const [beforeEnd, afterEnd] = [before.count - tail, after.count - tail];
    this.#reset(before, after, beforeEnd - head + (afterEnd - head));
    this.#numberLines(0, before, head, beforeEnd);
    this.#numberLines(1, after, head, afterEnd);
    this.#countCommon(before, 0, head);
    this.#countCommon(before, beforeEnd, before.count);
  }

  #reset(before: Text, after: Text, lines: number): void {
    this.#files = [before, after];
    this.#count = 0;
    if (this.#firsts.length < lines) {
      this.#firsts = new Int32Array(lines);
      this.before = new Int32Array(lines);
      this.after = new Int32Array(lines);
    }
    const size = 2 << (33 - Math.clz32(lines));
    if (this.#slots.length < size) this.#slots = new Int32Array(size);
    else this.#slots.fill(0, 0, size);
    this.#mask = size - 1;
  }

  #numberLines(side: 0 | 1, text: Text, from: number, to: number): void {
    const { classes } = text;
    const counts = side === 0 ? this.before : this.after;
    for (let line = from; line < to; line += 1) {
      const found = this.#find(side, text, line, true);
      counts[found] = (counts[found] as number) + 1;
      classes[line] = found;
    }
  }

  #countCommon(text: Text, from: number, to: number): void {
    for (let line = from; line < to; line += 1) {
      const found = this.#find(0, text, line, false);
      if (found < 0) continue;
      this.before[found] = (this.before[found] as number) + 1;
      this.after[found] = (this.after[found] as number) + 1;
    }
  }

  #find(side: 0 | 1, text: Text, line: number, add: boolean): number {
    const hash = text.hashes[line] as number;
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = (hash << 1) & mask;
    for (;;) {
      const found = (slots[slot] as number) - 1;
      if (found < 0) break;
      if (slots[slot + 1] === hash && this.#isFirst(found, text, line)) return found;
      slot = (slot + 2) & mask;
    }
    return add ? this.#add(slot, hash, side === 0 ? line : -1 - line) : -1;
  }

  #add(slot: number, hash: number, first: number): number {
    const created = this.#count++;
    this.#slots[slot] = created + 1;
    this.#slots[slot + 1] = hash;
    this.#firsts[created] = first;
    this.before[created] = 0;
    this.after[created] = 0;
    return created;
  }

  #isFirst(known: number, text: Text, line: number): boolean {
    if (this.#files === undefined) return false;
    const first = this.#firsts[known] as number;
    return first < 0 ? text.isSameLine(line, this.#files[1], -1 - first) : text.isSameLine(line, this.#files[0], first);
  }
}
