import { isBinary } from "./binary.js";
import type { FileSide } from "./types.js";

/** A span ends behind a line feed, or after this many bytes. */
const MAX_SPAN_BYTES = 64;
/** Spans are told apart by a hash below this prime. */
export const SPAN_HASHES = 107_927;

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** A file's content as git's similarity sees it: how many bytes stand in spans of each hash, in no order. */
export interface Spans {
  /** Of the whole content, in bytes. */
  readonly size: number;
  readonly hashes: Int32Array;
  /** By the same index as `hashes`. */
  readonly bytes: Int32Array;
}

/** Counts by hash, all 0 between calls. */
const counts = new Int32Array(SPAN_HASHES);

/**
 * Cuts a file into spans. Of a text, a carriage return before a line feed counts for nothing. The hash is git's
 * (diffcore-delta): two 32-bit sums, each shifted by 7 bits into the other.
 *
 * @param countUnfinishedLine whether a last span that ends with the file, not with a line feed, counts
 */
export function spansOf(side: FileSide, countUnfinishedLine: boolean): Spans {
  const content = side.content();
  const isText = !isBinary(side, content);
  const size = content.length;
  const touched: number[] = [];
  const add = (low: number, high: number, length: number) => {
    const hash = ((low + Math.imul(high, 0x61)) >>> 0) % SPAN_HASHES;
    const known = counts[hash] as number;
    if (known === 0) touched.push(hash);
    counts[hash] = known + length;
  };

  let length = 0;
  let low = 0;
  let high = 0;
  for (let i = 0; i < size; i += 1) {
    const byte = content[i] as number;
    if (byte === CARRIAGE_RETURN && isText && content[i + 1] === LINE_FEED) continue;
    const carried = low;
    low = (((low << 7) ^ (high >>> 25)) + byte) | 0;
    high = (high << 7) ^ (carried >>> 25);
    length += 1;
    if (length < MAX_SPAN_BYTES && byte !== LINE_FEED) continue;
    add(low, high, length);
    length = 0;
    low = 0;
    high = 0;
  }
  if (length > 0 && countUnfinishedLine) add(low, high, length);

  const hashes = Int32Array.from(touched);
  const bytes = hashes.map((hash) => counts[hash] as number);
  for (const hash of touched) counts[hash] = 0;
  return { size, hashes, bytes };
}

/** How many bytes of spans two files have in common. */
export function commonBytes(one: Spans, other: Spans): number {
  one.hashes.forEach((hash, i) => {
    counts[hash] = one.bytes[i] as number;
  });
  let common = 0;
  other.hashes.forEach((hash, i) => {
    common += Math.min(counts[hash] as number, other.bytes[i] as number);
  });
  for (const hash of one.hashes) counts[hash] = 0;
  return common;
}

/** Many files, to be compared with others one after another: for each span hash, who has it. */
export class SpanIndex {
  readonly #files: readonly Spans[];
  /** The entries of hash `h` are `[starts[h], starts[h + 1])`. */
  readonly #starts = new Int32Array(SPAN_HASHES + 1);
  readonly #owners: Int32Array;
  readonly #bytes: Int32Array;
  readonly #common: Int32Array;

  constructor(files: readonly Spans[]) {
    this.#files = files;
    const starts = this.#starts;
    for (const { hashes } of files) for (const hash of hashes) starts[hash + 1] = (starts[hash + 1] as number) + 1;
    for (let hash = 0; hash < SPAN_HASHES; hash += 1) {
      starts[hash + 1] = (starts[hash + 1] as number) + (starts[hash] as number);
    }
    const entries = starts[SPAN_HASHES] as number;
    this.#owners = new Int32Array(entries);
    this.#bytes = new Int32Array(entries);
    this.#common = new Int32Array(files.length);
    const free = starts.slice();
    files.forEach((file, owner) => {
      file.hashes.forEach((hash, i) => {
        const entry = free[hash] as number;
        free[hash] = entry + 1;
        this.#owners[entry] = owner;
        this.#bytes[entry] = file.bytes[i] as number;
      });
    });
  }

  /** By file of the index, how many bytes of spans it has in common with `other`. Good until the next call. */
  commonBytes(other: Spans): Int32Array {
    const common = this.#common;
    const owners = this.#owners;
    const bytes = this.#bytes;
    common.fill(0);
    for (let i = 0; i < other.hashes.length; i += 1) {
      const hash = other.hashes[i] as number;
      const own = other.bytes[i] as number;
      const end = this.#starts[hash + 1] as number;
      for (let entry = this.#starts[hash] as number; entry < end; entry += 1) {
        const owner = owners[entry] as number;
        common[owner] = (common[owner] as number) + Math.min(own, bytes[entry] as number);
      }
    }
    return common;
  }

  get files(): readonly Spans[] {
    return this.#files;
  }
}
