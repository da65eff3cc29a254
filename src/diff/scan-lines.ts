import type { Text } from "./text.js";

export const LINE_FEED = 10;

const FOUR_LINE_FEEDS = 0x0a0a0a0a;
const LOW_BITS = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;
/** Odd numbers without a pattern: 2^32 over the golden ratio, and a constant of MurmurHash 3. */
const MULTIPLIER = 0x9e3779b1 | 0;
const WORD_MULTIPLIER = 0xcc9e2d51 | 0;

/**
 * Behind its first so many bytes, a line is hashed by samples. Lines that differ elsewhere are then compared with each
 * other, each with each: few lines can be this long, so that costs little.
 */
const LONG_LINE_BYTES = 32_768;
const SAMPLE_BYTES = 64;

/**
 * Finds where a text's lines start, and hashes them, in one pass that takes four bytes at a time. A line ends behind its
 * line feed, or with the file. Sets `starts`, `hashes` and `count`, and makes room where it is needed.
 */
export function scanLines(text: Text): void {
  const { bytes, view } = text;
  const size = bytes.length;
  let { starts, hashes } = text;
  let count = 0;
  let at = 0;
  while (at < size) {
    if (count + 1 >= starts.length) {
      starts = widened(starts);
      hashes = widened(hashes);
    }
    starts[count] = at;
    const wordsEnd = Math.min(size - 4, at + LONG_LINE_BYTES);
    let hash = 0;
    let word = 0;
    let found = 0;
    while (at <= wordsEnd) {
      word = view.getInt32(at, true);
      // a byte is 0 where the word has a line feed; subtracting 1 sets its high bit, the lowest of those that are set
      const difference = word ^ FOUR_LINE_FEEDS;
      found = (difference - LOW_BITS) & ~difference & HIGH_BITS;
      if (found !== 0) break;
      // a word is mixed by itself, so that the next one has only a multiplication and an addition to wait for
      const mixed = Math.imul(word, WORD_MULTIPLIER);
      hash = (Math.imul(hash, MULTIPLIER) + (mixed ^ (mixed >>> 15))) | 0;
      at += 4;
    }
    if (found === 0 && size - at >= 4) {
      const end = endOfLine(bytes, at);
      hash = hashSamples(view, at, end, hash);
      at = end;
      word = 0;
    }
    /** How many bytes are left before the line feed or the end: less than four. */
    let rest = 0;
    if (found !== 0) rest = (31 - Math.clz32(found & -found)) >> 3;
    else {
      word = 0;
      for (; at + rest < size && bytes[at + rest] !== LINE_FEED; rest += 1) {
        word |= (bytes[at + rest] as number) << (8 * rest);
      }
    }
    hash = Math.imul(hash ^ (word & ((1 << (8 * rest)) - 1)) ^ (rest << 24), MULTIPLIER);
    hashes[count] = hash ^ (hash >>> 15);
    count += 1;
    at = Math.min(size, at + rest + 1);
  }
  starts[count] = size;
  text.starts = starts;
  text.hashes = hashes;
  text.count = count;
}

/** Where the line that goes on at `at` has its line feed; else the end. Natively: that line is long. */
function endOfLine(bytes: Uint8Array, at: number): number {
  const lineFeed = Buffer.prototype.indexOf.call(bytes, LINE_FEED, at);
  return lineFeed < 0 ? bytes.length : lineFeed;
}

/** Hashes samples of a long line, and its length. */
function hashSamples(view: DataView, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start);
  for (let at = start; at + 4 <= end; at += SAMPLE_BYTES) {
    hash = (Math.imul(hash, MULTIPLIER) + Math.imul(view.getInt32(at, true), WORD_MULTIPLIER)) | 0;
  }
  return hash;
}

function widened(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(array.length * 2);
  wider.set(array);
  return wider;
}
