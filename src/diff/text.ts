export const LINE_FEED = 10;

/** One file as the steps of the line diff see it: its lines, and which of them are changed. */
export class Text {
  readonly bytes: Uint8Array;
  /** Line `i` is `bytes[starts[i], starts[i + 1])`, its line feed included. May be longer than needed. */
  readonly starts: Int32Array;
  /** How many lines there are. */
  readonly count: number;
  /** 1 for each line that is deleted (or added); one more place at the end, always 0. */
  readonly changed: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.starts = lineStarts(bytes);
    this.count = this.starts.length - 1;
    this.changed = new Uint8Array(this.count + 1);
  }

  start(line: number): number {
    return this.starts[line] as number;
  }

  end(line: number): number {
    return this.starts[line + 1] as number;
  }

  /** Whether two lines of this file are the same bytes. */
  sameLines(one: number, other: number): boolean {
    const { bytes, starts } = this;
    let i = starts[one] as number;
    let j = starts[other] as number;
    const end = starts[one + 1] as number;
    if (end - i !== (starts[other + 1] as number) - j) return false;
    while (i < end) if (bytes[i++] !== bytes[j++]) return false;
    return true;
  }
}

function lineStarts(bytes: Uint8Array): Int32Array {
  const size = bytes.length;
  let starts: Int32Array = new Int32Array(16 + (size >> 4));
  let count = 0;
  for (let i = 0; i < size; i += 1) {
    if (bytes[i] !== LINE_FEED) continue;
    count += 1;
    if (count + 2 > starts.length) starts = widened(starts);
    starts[count] = i + 1;
  }
  if (starts[count] !== size) starts[++count] = size;
  return starts.subarray(0, count + 1);
}

function widened(array: Int32Array): Int32Array {
  const wider = new Int32Array(array.length * 2);
  wider.set(array);
  return wider;
}
