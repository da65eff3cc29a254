import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** Millions of small reads would otherwise leave as many small buffers to the garbage collector. */
const SHARED = Buffer.allocUnsafeSlow(2 ** 16);

/** A file read by position through one descriptor, so that it stays readable when git deletes or replaces it. */
export class RandomAccessFile {
  readonly path: string;
  /** In bytes, when it was opened. */
  readonly size: number;
  readonly #descriptor: number;

  /** @throws a system error when the file can't be opened */
  constructor(path: string) {
    this.path = path;
    this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.size = fstatSync(this.#descriptor).size;
  }

  /**
   * Reads up to `length` bytes from `position`; fewer at the end of the file.
   * @returns bytes that are valid until the next read of any file: small reads share one buffer
   * @throws a system error
   */
  read(position: number, length: number): Buffer {
    const wanted = Math.max(0, Math.min(length, this.size - position));
    const bytes = wanted <= SHARED.length ? SHARED.subarray(0, wanted) : Buffer.allocUnsafeSlow(wanted);
    let filled = 0;
    while (filled < wanted) {
      const got = readSync(this.#descriptor, bytes, filled, wanted - filled, position + filled);
      if (got === 0) return bytes.subarray(0, filled);
      filled += got;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
