import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { systemCode } from "../../util/index.js";
import type { FilePath } from "../io/files.js";

/** Read at once from files that are not held whole. */
const PIECE_BYTES = 2 ** 20;
/** Node reads no more at once. */
const WHOLE_MAX_BYTES = 2 ** 31 - 1;

/** A file of the working tree changed after it was last read. The watcher reports it, so that it is read again. */
export class WorkFileChangedError extends Error {
  constructor(place: FilePath) {
    super(`${place.toString()}: changed while it was read`);
  }
}

/** A file of the working tree that was read whole. */
export interface ReadWorkFile {
  readonly content: Buffer;
  /** Of the very file, from before it was read. */
  readonly stats: Stats;
}

/**
 * Reads a file of the working tree whole.
 * @param mostBytes what it had at most when it was looked at
 * @throws a system error; WorkFileChangedError when no regular file is there any more, or it is larger
 */
export function readWorkFile(place: FilePath, mostBytes = Number.POSITIVE_INFINITY): ReadWorkFile {
  const { descriptor, stats } = openRegular(place);
  const { size } = stats;
  try {
    if (size > mostBytes) throw new WorkFileChangedError(place);
    if (size > WHOLE_MAX_BYTES) throw new RangeError(`${place.toString()}: too large to be read whole`);
    const bytes = Buffer.allocUnsafeSlow(size);
    let filled = 0;
    while (filled < size) {
      const got = readSync(descriptor, bytes, filled, size - filled, filled);
      if (got === 0) break;
      filled += got;
    }
    return { content: bytes.subarray(0, filled), stats };
  } finally {
    closeSync(descriptor);
  }
}

/** A file of the working tree that is read in pieces, perhaps more than once. */
export class WorkFilePieces {
  /** Of the very file, from before it was read. */
  readonly stats: Stats;
  readonly #place: FilePath;
  readonly #descriptor: number;
  readonly #piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  readonly #signal: AbortSignal | undefined;

  /**
   * @param signal of a reader that does not wait: the reading stops when it aborts, and when the file changes
   * @throws like {@link readWorkFile}
   */
  constructor(place: FilePath, signal?: AbortSignal) {
    this.#place = place;
    this.#signal = signal;
    const { descriptor, stats } = openRegular(place);
    this.#descriptor = descriptor;
    this.stats = stats;
  }

  get size(): number {
    return this.stats.size;
  }

  /** For programs that read the file themselves. */
  get descriptor(): number {
    return this.#descriptor;
  }

  /**
   * Hands out the pieces in turn; each is valid until the next. The event loop runs in between: 5 GB take seconds.
   * @param visit returns false to leave the rest
   * @throws WorkFileChangedError when the file ends early; with a signal also when it changes, or the signal's reason
   */
  async each(visit: (piece: Buffer) => unknown): Promise<void> {
    for (let at = 0; at < this.size; ) {
      const got = readSync(this.#descriptor, this.#piece, 0, Math.min(PIECE_BYTES, this.size - at), at);
      if (got === 0) throw new WorkFileChangedError(this.#place);
      if (visit(this.#piece.subarray(0, got)) === false) return;
      at += got;
      await new Promise(setImmediate);
      if (this.#signal !== undefined) this.#stopIfOutdated(this.#signal);
    }
  }

  #stopIfOutdated(signal: AbortSignal): void {
    signal.throwIfAborted();
    const { size, mtimeMs } = fstatSync(this.#descriptor);
    if (size !== this.size || mtimeMs !== this.stats.mtimeMs) throw new WorkFileChangedError(this.#place);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Opens a file, and neither a link nor a FIFO that has taken its place. */
function openRegular(place: FilePath): { descriptor: number; stats: Stats } {
  let descriptor: number;
  try {
    descriptor = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    // it is a link now, or a socket
    if (["ELOOP", "ENXIO"].includes(systemCode(thrown) ?? "")) throw new WorkFileChangedError(place);
    throw thrown;
  }
  const stats = fstatSync(descriptor);
  if (stats.isFile()) return { descriptor, stats };
  closeSync(descriptor);
  throw new WorkFileChangedError(place);
}
