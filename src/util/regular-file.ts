import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";

/** The most that a file of settings, of certificates or of a key may have. Bytes. */
export const MAX_SETTINGS_FILE_BYTES = 16 * 1024 * 1024;

/** There is nothing in a file that has to hold something: it may be about to be written. */
export class EmptyFileError extends Error {
  constructor() {
    super("it is empty");
  }
}

const PIECE_BYTES = 64 * 1024;

/** What {@link readRegularFile} read. */
export interface RegularFile {
  bytes: Buffer;
  /** The permission bits. */
  mode: number;
}

/**
 * Reads a file that an option or a variable names, whatever is in its place: a FIFO or a device could be waited for, or
 * read, without end.
 *
 * @param path links are followed
 * @param maxBytes no more is read
 * @throws a system error; an `Error` with its reason for what is no regular file, and for one that is longer
 */
export function readRegularFile(path: string | Buffer, maxBytes: number): RegularFile {
  refuseOthers(statSync(path)); // a device may not even be opened
  // O_NONBLOCK: what was put in the file's place since then must not stop the program
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = fstatSync(descriptor);
    refuseOthers(stats);
    const pieces: Buffer[] = [];
    for (let length = 0, got = 1; got > 0; length += got) {
      // also of a file that is longer than its size says, as those of /proc are, or grows
      if (length > maxBytes) throw new Error(`it is longer than ${maxBytes} bytes`);
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, maxBytes + 1 - length) || 1);
      got = readSync(descriptor, piece);
      pieces.push(piece.subarray(0, got));
    }
    return { bytes: Buffer.concat(pieces), mode: stats.mode & 0o777 };
  } finally {
    closeSync(descriptor);
  }
}

/** Of a directory the system says by itself that it cannot be read. */
function refuseOthers(stats: Stats): void {
  if (!stats.isFile() && !stats.isDirectory()) throw new Error("it is not a regular file");
}

/**
 * Reads an open file from its beginning.
 *
 * @param bytes are filled
 * @returns `bytes`, or as much of them as the file has. @throws a system error
 */
export function readToEnd(descriptor: number, bytes: Buffer): Buffer {
  let filled = 0;
  while (filled < bytes.length) {
    const got = readSync(descriptor, bytes, filled, bytes.length - filled, filled);
    if (got === 0) return bytes.subarray(0, filled);
    filled += got;
  }
  return bytes;
}
