import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** Millions of small reads would otherwise leave as many small buffers to the garbage collector. */
const SHARED = Buffer.allocUnsafeSlow(2 ** 16);

/** A file that is read by position. */
export interface FileReader {
  readonly path: string;
  /** In bytes, when it was opened. */
  readonly size: number;
  /**
   * Reads up to `length` bytes from `position`; fewer at the end of the file.
   * @returns bytes that are valid until the next read of any file, and not to be changed
   * @throws a system error
   */
  read(position: number, length: number): Buffer;
  /** The number of 32 bits at a position, high byte first; `undefined` when the file ends before. */
  uint32(position: number): number | undefined;
  close(): void;
}

/** Opens a file. @throws a system error */
export type OpenFile = (path: string) => FileReader;

/** A file read by position through one descriptor, so that it stays readable when git deletes or replaces it. */
export class RandomAccessFile implements FileReader {
  readonly path: string;
  readonly size: number;
  readonly #descriptor: number;

  /** @throws a system error when the file can't be opened */
  constructor(path: string) {
    this.path = path;
    this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.size = fstatSync(this.#descriptor).size;
  }

  /** Small reads share one buffer. */
  read(position: number, length: number): Buffer {
    const wanted = Math.max(0, Math.min(length, this.size - position));
    const bytes = wanted <= SHARED.length ? SHARED.subarray(0, wanted) : Buffer.allocUnsafeSlow(wanted);
    const filled = this.readInto(bytes, position);
    return filled === wanted ? bytes : bytes.subarray(0, filled);
  }

  /** Reads from `position` as much as fits. @returns how many bytes: fewer at the end of the file */
  readInto(bytes: Buffer, position: number): number {
    let filled = 0;
    while (filled < bytes.length) {
      const got = readSync(this.#descriptor, bytes, filled, bytes.length - filled, position + filled);
      if (got === 0) break;
      filled += got;
    }
    return filled;
  }

  uint32(position: number): number | undefined {
    const bytes = this.read(position, 4);
    return bytes.length < 4 ? undefined : bytes.readUInt32BE(0);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Opens a file for reads that have nothing to do with each other. */
export const openFile: OpenFile = (path) => new RandomAccessFile(path);
