// Lines are hashed 64 bytes at a time, in lanes of 32 bits that only meet in the end: as most lines are shorter, nothing
// depends on how long they are that the processor would have to guess.

const BLOCK_BYTES: i32 = 64;

/** 64 bytes of ones and 64 of zeros: read so far before the middle as a block has bytes, they blank the others out. */
const BLANKS: usize = memory.data(128);
memory.fill(BLANKS, 0xff, 64);

/** Odd numbers without a pattern: fractions of 2^32 and 2^64 by the golden ratio, and others as good. */
const LANES: i32 = 0x9e3779b1 as i32;
const LANES_2: i32 = 0x85ebca77 as i32;
const LANES_3: i32 = 0xc2b2ae3d as i32;
const LANES_4: i32 = 0x27d4eb2f as i32;
const WORD: u64 = 0x9e3779b97f4a7c15;
const WORD_2: u64 = 0xc2b2ae3d27d4eb4f;

/** Lines that are the same have the same hash; others seldom. Up to 64 bytes behind the line are read. */
export function hashOf(start: usize, length: usize): u32 {
  let at = start;
  let left = length as i32;
  let lanes = i32x4.splat(left);
  for (; left > BLOCK_BYTES; left -= BLOCK_BYTES, at += BLOCK_BYTES as usize) {
    lanes = mixed(
      i32x4.add(
        i32x4.mul(v128.xor(lanes, v128.load(at)), i32x4.splat(LANES)),
        i32x4.mul(v128.load(at, 16), i32x4.splat(LANES_2)),
      ),
      i32x4.add(i32x4.mul(v128.load(at, 32), i32x4.splat(LANES_3)), i32x4.mul(v128.load(at, 48), i32x4.splat(LANES_4))),
    );
  }
  const blanks = BLANKS + 64 - (left as usize);
  lanes = mixed(
    i32x4.add(
      i32x4.mul(v128.xor(lanes, v128.and(v128.load(at), v128.load(blanks))), i32x4.splat(LANES)),
      i32x4.mul(v128.and(v128.load(at, 16), v128.load(blanks, 16)), i32x4.splat(LANES_2)),
    ),
    i32x4.add(
      i32x4.mul(v128.and(v128.load(at, 32), v128.load(blanks, 32)), i32x4.splat(LANES_3)),
      i32x4.mul(v128.and(v128.load(at, 48), v128.load(blanks, 48)), i32x4.splat(LANES_4)),
    ),
  );
  const hash = i64x2.extract_lane(lanes, 0) * WORD + i64x2.extract_lane(lanes, 1) * WORD_2;
  return ((hash ^ (hash >>> 29)) >>> 24) as u32;
}

/** Products hold what is high in a lane, and lack what is: sends it down before the next ones. */
function mixed(one: v128, other: v128): v128 {
  const sum = v128.xor(one, i32x4.add(other, i32x4.splat(LANES)));
  return v128.xor(sum, i32x4.shr_u(sum, 15));
}
