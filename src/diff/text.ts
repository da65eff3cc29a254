import { type Bytes, sameBytes } from "./bytes.js";
import { scanLines } from "./scan-lines.js";

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);
/** So many lines have room from the start. */
const FIRST_CAPACITY = 64;

/**
 * One file as the steps of the line diff see it: its lines, and what is found out about each. The arrays are longer than
 * needed and serve one file after another: making one costs more than comparing two short files.
 */
export class Text implements Bytes {
  bytes: Uint8Array = NO_BYTES;
  /** The same bytes. */
  view: DataView = NO_VIEW;
  /** How many lines there are. */
  count = 0;
  /** Line `i` is `bytes[starts[i], starts[i + 1])`, its line feed included. */
  starts = new Int32Array(FIRST_CAPACITY);
  /** Lines that are the same have the same hash. */
  hashes = new Int32Array(FIRST_CAPACITY);
  /** Lines have the same class if and only if they are the same; known of those that are not common head or tail. */
  classes = new Int32Array(FIRST_CAPACITY);
  /** How many counterparts lines have, in three kinds, from the first that is not common head on. */
  kinds = new Uint8Array(FIRST_CAPACITY);
  /** The first `keptCount` are the numbers of the lines that take part in the search, ascending. */
  kept = new Int32Array(FIRST_CAPACITY);
  keptCount = 0;
  /** 1 for each line that is deleted (or added); the place behind the last line is 0. */
  changed = new Uint8Array(FIRST_CAPACITY);

  constructor(bytes: Uint8Array = NO_BYTES) {
    this.load(bytes);
  }

  /** Takes another file. */
  load(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = bytes.length === 0 ? NO_VIEW : new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    scanLines(this);
    if (this.changed.length < this.starts.length) {
      const capacity = this.starts.length;
      this.classes = new Int32Array(capacity);
      this.kinds = new Uint8Array(capacity);
      this.kept = new Int32Array(capacity);
      this.changed = new Uint8Array(capacity);
    }
    this.changed.fill(0, 0, this.count + 1);
    this.keptCount = 0;
  }

  /** Lets go of the file. */
  clear(): void {
    this.bytes = NO_BYTES;
    this.view = NO_VIEW;
    this.count = 0;
  }

  /** How many lines have room. */
  get capacity(): number {
    return this.starts.length;
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
    return sameBytes(this, start, other, otherStart, length);
  }
}
