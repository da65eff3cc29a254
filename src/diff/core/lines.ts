import { allocate, reserve } from "./memory";
import { Text } from "./text";

const LINE_FEED: u8 = 10;
/** Room for line starts is made for so many bytes of the file at a time. */
const CHUNK_BYTES: usize = 1 << 14;

/** Finds where a text's lines start. A line ends behind its line feed, or with the file. */
export function scanLines(text: Text): void {
  const to = text.to;
  const starts = reserve(4);
  store<u32>(starts, text.from);
  let next = starts + 4;
  for (let at = text.from; at < to; ) {
    reserve(next - starts + 4 * CHUNK_BYTES);
    const end = min(to, at + CHUNK_BYTES);
    for (; at < end; at += 64) {
      let bits = lineFeeds(at);
      if (to - at < 64) bits &= ((1 as u64) << ((to - at) as u64)) - 1;
      const found = popcnt(bits) as usize;
      // four in any case, as most blocks have fewer: no branch depends on how many there are
      bits = put(next, at, bits);
      bits = put(next + 4, at, bits);
      bits = put(next + 8, at, bits);
      bits = put(next + 12, at, bits);
      for (let more = next + 16; bits !== 0; more += 4) bits = put(more, at, bits);
      next += found << 2;
    }
  }
  // what follows the last line feed is a line unless it is nothing
  if ((load<u32>(next - 4) as usize) !== to) {
    store<u32>(next, to);
    next += 4;
  }
  text.starts = allocate(next - starts);
  text.count = (((next - starts) >>> 2) as i32) - 1;
}

/** By byte, from the lowest bit on, whether 64 bytes are line feeds. */
function lineFeeds(at: usize): u64 {
  const feed = i8x16.splat(LINE_FEED);
  const first = i8x16.bitmask(i8x16.eq(v128.load(at), feed)) as u64;
  const second = i8x16.bitmask(i8x16.eq(v128.load(at, 16), feed)) as u64;
  const third = i8x16.bitmask(i8x16.eq(v128.load(at, 32), feed)) as u64;
  const fourth = i8x16.bitmask(i8x16.eq(v128.load(at, 48), feed)) as u64;
  return first | (second << 16) | (third << 32) | (fourth << 48);
}

/** Stores the start behind the lowest line feed. @returns the others */
function put(next: usize, at: usize, bits: u64): u64 {
  store<u32>(next, at + (ctz(bits) as usize) + 1);
  return bits & (bits - 1);
}
