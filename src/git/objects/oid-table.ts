import { corrupt } from "../io/files.js";
import type { RandomAccessFile } from "../io/random-access-file.js";

/** Where the sorted ids of a pack index or multi-pack index stand in the file. */
export interface OidTableLayout {
  /** Position of the 256 counts. */
  fanout: number;
  /** Position of the first id. */
  oids: number;
  /** Bytes from one id to the next. */
  stride: number;
  oidBytes: number;
}

/** Ids read around the place where an id should stand. */
const WINDOW = 64;

/**
 * The sorted object ids of an index file, searched on disk: an index of ten million objects is 300 MB and is never
 * read whole. Ids are evenly spread, so the first guess is nearly always within the window that is read.
 */
export class OidTable {
  readonly count: number;
  readonly #file: RandomAccessFile;
  readonly #layout: OidTableLayout;
  readonly #fanout = new Uint32Array(257);

  /** @throws TreewireError `TW_CORRUPT_REPOSITORY` when the counts do not ascend or the file is too short for them */
  constructor(file: RandomAccessFile, layout: OidTableLayout) {
    this.#file = file;
    this.#layout = layout;
    const bytes = file.read(layout.fanout, 1024);
    if (bytes.length < 1024) throw corrupt(file.path, "too short");
    for (let first = 0; first < 256; first += 1) {
      const sum = bytes.readUInt32BE(first * 4);
      if (sum < (this.#fanout[first] ?? 0)) throw corrupt(file.path, "its counts do not ascend");
      this.#fanout[first + 1] = sum;
    }
    this.count = this.#fanout[256] ?? 0;
    if (layout.oids + this.count * layout.stride > file.size) throw corrupt(file.path, "too short for its objects");
  }

  /** @returns the position of an id in the order of ids, or -1 */
  find(oid: Uint8Array): number {
    const first = oid[0] ?? 0;
    let low = this.#fanout[first] ?? 0;
    let high = this.#fanout[first + 1] ?? 0;
    const fraction = (((oid[1] ?? 0) << 16) | ((oid[2] ?? 0) << 8) | (oid[3] ?? 0)) / 2 ** 24;
    let guess = low + Math.floor((high - low) * fraction);
    while (low < high) {
      const start = Math.max(low, guess - WINDOW / 2);
      const end = Math.min(high, start + WINDOW);
      const place = this.#searchWindow(oid, start, end);
      if (place >= 0) return start + place;
      const before = -1 - place;
      if (before === 0) high = start;
      else if (before === end - start) low = end;
      else return -1;
      guess = (low + high) >>> 1;
    }
    return -1;
  }

  /** @returns the place of the id within the window, or `-1 - n` where n ids of it are smaller */
  #searchWindow(oid: Uint8Array, start: number, end: number): number {
    const { oids, stride, oidBytes } = this.#layout;
    const window = this.#file.read(oids + start * stride, (end - start) * stride);
    if (window.length < (end - start) * stride) throw corrupt(this.#file.path, "ends early");
    let low = 0;
    let high = end - start;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = window.compare(oid, 0, oidBytes, middle * stride, middle * stride + oidBytes);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return -1 - low;
  }
}
