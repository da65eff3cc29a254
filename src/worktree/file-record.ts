import type { FileStats } from "./look.js";

const TYPE = 0o170000;
const COLUMNS = ["mode", "size", "ino", "uid", "gid", "mtimeMs", "ctimeMs"] as const;

/**
 * What `lstat` said of files, in rows of doubles that two threads can share. It stands at one row at a time and shows
 * that: no object for each file.
 */
export class FileRecords implements FileStats {
  /** Bytes of one row. */
  static readonly ROW_BYTES = COLUMNS.length * Float64Array.BYTES_PER_ELEMENT;

  readonly #values: Float64Array;
  #row = 0;

  constructor(values: Float64Array) {
    this.#values = values;
  }

  /** Goes to a row. @returns this, or `undefined` when nothing is recorded there */
  at(row: number): this | undefined {
    this.#row = row * COLUMNS.length;
    return this.mode === 0 ? undefined : this;
  }

  record(row: number, stats: FileStats): void {
    const start = row * COLUMNS.length;
    for (const [column, name] of COLUMNS.entries()) this.#values[start + column] = stats[name];
  }

  get mode(): number {
    return this.#value(0);
  }
  get size(): number {
    return this.#value(1);
  }
  get ino(): number {
    return this.#value(2);
  }
  get uid(): number {
    return this.#value(3);
  }
  get gid(): number {
    return this.#value(4);
  }
  get mtimeMs(): number {
    return this.#value(5);
  }
  get ctimeMs(): number {
    return this.#value(6);
  }

  isDirectory(): boolean {
    return (this.mode & TYPE) === 0o040000;
  }
  isFile(): boolean {
    return (this.mode & TYPE) === 0o100000;
  }
  isSymbolicLink(): boolean {
    return (this.mode & TYPE) === 0o120000;
  }

  #value(column: number): number {
    return this.#values[this.#row + column] ?? 0;
  }
}
