import { same } from "./bytes";

/** One file as the steps of the line diff see it: its lines, and what is found out about each. */
export class Text {
  /** The file's bytes are `[from, to)`. */
  from: usize = 0;
  to: usize = 0;
  /** How many lines there are. */
  count: i32 = 0;
  /** Addresses: line `i` is `[start(i), start(i + 1))`, its line feed included. */
  starts: usize = 0;
  /** Lines have the same class if and only if they are the same; known of those that are not common head or tail. */
  classes: usize = 0;
  /** The first `keptCount` are the numbers of the lines that take part in the search, ascending. */
  kept: usize = 0;
  keptCount: i32 = 0;
  /** 1 for each line that is deleted (or added), else 0; there are zeros behind the last line. */
  changed: usize = 0;

  start(line: i32): usize {
    return load<u32>(this.starts + ((line as usize) << 2));
  }

  classOf(line: i32): i32 {
    return load<i32>(this.classes + ((line as usize) << 2));
  }

  isChanged(line: i32): bool {
    return load<u8>(this.changed + (line as usize)) !== 0;
  }

  mark(line: i32, changed: u8): void {
    store<u8>(this.changed + (line as usize), changed);
  }

  /** Marks the lines `[from, to)` as changed. */
  markAll(from: i32, to: i32): void {
    memory.fill(this.changed + (from as usize), 1, (to - from) as usize);
  }

  /** Whether two lines are the same bytes. */
  isSame(line: i32, other: i32): bool {
    const start = this.start(line);
    const otherStart = this.start(other);
    const length = this.start(line + 1) - start;
    return length === this.start(other + 1) - otherStart && same(start, otherStart, length);
  }
}
