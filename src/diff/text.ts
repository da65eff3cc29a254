import { sameBytes } from "./bytes.js";
import { scanLines } from "./scan-lines.js";

/** One file as the steps of the line diff see it: its lines, and which of them are changed. */
export class Text {
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly view: DataView;
  /** How many lines there are. */
  readonly count: number;
  /** Line `i` is `bytes[starts[i], starts[i + 1])`, its line feed included. */
  readonly starts: Int32Array;
  /** Lines that are the same have the same hash. */
  readonly hashes: Int32Array;
  /** 1 for each line that is deleted (or added); one more place at the end, always 0. */
  readonly changed: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const { count, starts, hashes } = scanLines(bytes, this.view);
    this.count = count;
    this.starts = starts;
    this.hashes = hashes;
    this.changed = new Uint8Array(count + 1);
  }

  start(line: number): number {
    return this.starts[line] as number;
  }

  end(line: number): number {
    return this.starts[line + 1] as number;
  }

  /** Whether a line of this file and a line of another (or of this) are the same bytes. */
  isSameLine(line: number, other: Text, otherLine: number): boolean {
    if (this.hashes[line] !== other.hashes[otherLine]) return false;
    const start = this.starts[line] as number;
    const otherStart = other.starts[otherLine] as number;
    const length = (this.starts[line + 1] as number) - start;
    if (length !== (other.starts[otherLine + 1] as number) - otherStart) return false;
    return sameBytes(this.view, start, other.view, otherStart, length);
  }
}
