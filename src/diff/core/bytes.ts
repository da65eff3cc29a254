// Sixteen bytes at a time. Reading some bytes beyond either end of a file is harmless: there is room around it.

const ALL: i32 = 0xffff;

/** By byte, from the lowest bit on, whether 16 bytes are the same. */
function equalBits(one: usize, other: usize): i32 {
  return i8x16.bitmask(i8x16.eq(v128.load(one), v128.load(other)));
}

/** Whether `length` bytes at two addresses are the same. */
export function same(one: usize, other: usize, length: usize): bool {
  let left = length as i32;
  while (left > 32) {
    if (differingBits(one, other) !== 0) return false;
    one += 32;
    other += 32;
    left -= 32;
  }
  return differingBits(one, other) << (32 - left) === 0;
}

/** By byte, from the lowest bit on, whether 32 bytes differ. */
function differingBits(one: usize, other: usize): i32 {
  return ~(equalBits(one, other) | (equalBits(one + 16, other + 16) << 16));
}

/** How many bytes, at most `most`, are the same from two addresses on. */
export function commonPrefix(one: usize, other: usize, most: usize): usize {
  for (let at: usize = 0; at < most; at += 16) {
    const bits = equalBits(one + at, other + at);
    if (bits !== ALL) return min(most, at + (ctz(~bits) as usize));
  }
  return most;
}

/** How many bytes, at most `most`, are the same before two addresses. */
export function commonSuffix(one: usize, other: usize, most: usize): usize {
  for (let at: usize = 0; at < most; at += 16) {
    const bits = equalBits(one - at - 16, other - at - 16);
    if (bits !== ALL) return min(most, at + (clz(~bits << 16) as usize));
  }
  return most;
}
