import { corrupt } from "../io/files.js";
import type { FileReader } from "../io/random-access-file.js";
import type { Oid } from "./object-id.js";

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
  readonly #file: FileReader;
  readonly #layout: OidTableLayout;
  readonly #fanout = new Uint32Array(257);

  /** @throws TreewireError `TW_CORRUPT_REPOSITORY` when the counts do not ascend or the file is too short for them */
  constructor(file: FileReader, layout: OidTableLayout) {
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
      const place = this.#searchWindow(oid, start, end, guess);
      if (place >= 0) return start + place;
      const before = -1 - place;
      if (before === 0) high = start;
      else if (before === end - start) low = end;
      else return -1;
      guess = (low + high) >>> 1;
    }
    return -1;
  }

  /**
   * The ids that begin so, in order, at most `limit`.
   * @param prefix hexadecimal digits, two at least
   */
  withPrefix(prefix: string, limit: number): Oid[] {
    const first = Number.parseInt(prefix.slice(0, 2), 16);
    let low = this.#fanout[first] ?? 0;
    let high = this.#fanout[first + 1] ?? 0;
    const end = high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#oidAt(middle) < prefix) low = middle + 1;
      else high = middle;
    }
    const found: Oid[] = [];
    for (let place = low; place < end && found.length < limit; place += 1) {
      const oid = this.#oidAt(place);
      if (!oid.startsWith(prefix)) break;
      found.push(oid);
    }
    return found;
  }

  #oidAt(place: number): Oid {
    const { oids, stride, oidBytes } = this.#layout;
    const bytes = this.#file.read(oids + place * stride, oidBytes);
    if (bytes.length < oidBytes) throw corrupt(this.#file.path, "ends early");
    return bytes.toString("hex");
  }

  /** @returns the place of the id within the window, or `-1 - n` where n ids of it are smaller */
  #searchWindow(oid: Uint8Array, start: number, end: number, guess: number): number {
    const { oids, stride, oidBytes } = this.#layout;
    const window = this.#file.read(oids + start * stride, (end - start) * stride);
    if (window.length < (end - start) * stride) throw corrupt(this.#file.path, "ends early");
    const last = end - start - 1;
    let place = Math.min(Math.max(guess - start, 0), last);
    let order = compareAt(window, place * stride, oid, oidBytes);
    // the guess is nearly right, so that one after the other is sooner than by halves
    while (order > 0 && place > 0) order = compareAt(window, --place * stride, oid, oidBytes);
    while (order < 0 && place < last) {
      order = compareAt(window, ++place * stride, oid, oidBytes);
      if (order > 0) return -1 - place;
    }
    return order === 0 ? place : -1 - (order > 0 ? place : place + 1);
  }
}

/** Neighbours in the order of ids differ in the first bytes, which is found sooner here than by a call of Buffer's own. */
function compareAt(window: Buffer, at: number, oid: Uint8Array, length: number): number {
  for (let byte = 0; byte < length; byte += 1) {
    const difference = (window[at + byte] ?? 0) - (oid[byte] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
