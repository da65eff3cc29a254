import { Text } from "./text";

/** Lines that give way to other lines, in one place. Line numbers count from 0, ends are exclusive. */
export class Change {
  beforeStart: i32 = 0;
  beforeEnd: i32 = 0;
  afterStart: i32 = 0;
  afterEnd: i32 = 0;

  /** Takes over what another one says. */
  set(other: Change): void {
    this.beforeStart = other.beforeStart;
    this.beforeEnd = other.beforeEnd;
    this.afterStart = other.afterStart;
    this.afterEnd = other.afterEnd;
  }

  /** Goes to the next change of two marked files. @returns whether there is one */
  next(before: Text, after: Text): bool {
    this.beforeStart = this.beforeEnd;
    this.afterStart = this.afterEnd;
    if (!this.skipUnchanged(before, after)) return false;
    while (before.isChanged(this.beforeEnd)) this.beforeEnd += 1;
    while (after.isChanged(this.afterEnd)) this.afterEnd += 1;
    return true;
  }

  private skipUnchanged(before: Text, after: Text): bool {
    const one = before.changed + (this.beforeStart as usize);
    const other = after.changed + (this.afterStart as usize);
    // unchanged lines are as many in both; the marks behind the last line of either are 0, but not without end
    const lines = max(before.count - this.beforeStart, after.count - this.afterStart);
    for (let i = 0; i < lines; i += 16) {
      const marks = v128.or(v128.load(one + (i as usize)), v128.load(other + (i as usize)));
      const bits = i8x16.bitmask(i8x16.ne(marks, i8x16.splat(0)));
      if (bits === 0) continue;
      const skipped = i + ctz(bits);
      this.beforeStart = this.beforeEnd = this.beforeStart + skipped;
      this.afterStart = this.afterEnd = this.afterStart + skipped;
      return true;
    }
    return false;
  }
}
