export const LINE_FEED = 10;

const FOUR_LINE_FEEDS = 0x0a0a0a0a;
const LOW_BITS = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;
/** An odd number without a pattern: 2^32 over the golden ratio. */
const MULTIPLIER = 0x9e3779b1 | 0;

/** Lines of so many bytes are expected; with shorter ones, the arrays grow. */
const EXPECTED_LINE_BYTES = 16;

export interface Lines {
  readonly count: number;
  /** `count + 1` offsets, the last one that of the end. */
  readonly starts: Int32Array;
  readonly hashes: Int32Array;
}

/**
 * Finds where lines start, and hashes them, in one pass that takes four bytes at a time. A line ends behind its line
 * feed, or with the file.
 *
 * @param view of the same bytes
 */
export function scanLines(bytes: Uint8Array, view: DataView): Lines {
  const size = bytes.length;
  let starts: Int32Array = new Int32Array(((size / EXPECTED_LINE_BYTES) | 0) + 8);
  let hashes: Int32Array = new Int32Array(starts.length);
  let count = 0;
  let at = 0;
  while (at < size) {
    if (count + 1 >= starts.length) {
      starts = widened(starts);
      hashes = widened(hashes);
    }
    starts[count] = at;
    let hash = 0;
    let word = 0;
    let found = 0;
    while (at + 4 <= size) {
      word = view.getInt32(at, true);
      // a byte is 0 where the word has a line feed; subtracting 1 sets its high bit, the lowest of those that are set
      const difference = word ^ FOUR_LINE_FEEDS;
      found = (difference - LOW_BITS) & ~difference & HIGH_BITS;
      if (found !== 0) break;
      hash = Math.imul(hash ^ word, MULTIPLIER);
      hash ^= hash >>> 16;
      at += 4;
    }
    /** How many bytes are left before the line feed or the end: less than four. */
    let rest = 0;
    if (found !== 0) rest = (31 - Math.clz32(found & -found)) >> 3;
    else {
      word = 0;
      for (; at + rest < size && bytes[at + rest] !== LINE_FEED; rest += 1)
        word |= (bytes[at + rest] as number) << (8 * rest);
    }
    hash = Math.imul(hash ^ (word & ((1 << (8 * rest)) - 1)) ^ (rest << 24), MULTIPLIER);
    hashes[count] = hash ^ (hash >>> 15);
    count += 1;
    at = Math.min(size, at + rest + 1);
  }
  starts[count] = size;
  return { count, starts, hashes };
}

function widened(array: Int32Array): Int32Array {
  const wider = new Int32Array(array.length * 2);
  wider.set(array);
  return wider;
}
