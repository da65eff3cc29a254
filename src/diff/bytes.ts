// Bytes are looked at four at a time: of all that was tried, this costs the least time in V8.

/** Whether `one[start, start + length)` and the same number of bytes of `other` from `otherStart` on are the same. */
export function sameBytes(one: DataView, start: number, other: DataView, otherStart: number, length: number): boolean {
  const distance = otherStart - start;
  const end = start + length;
  let at = start;
  for (; at + 4 <= end; at += 4) if (one.getInt32(at) !== other.getInt32(at + distance)) return false;
  for (; at < end; at += 1) if (one.getInt8(at) !== other.getInt8(at + distance)) return false;
  return true;
}

/** How many bytes two files have in common at their start. */
export function commonPrefix(one: DataView, other: DataView): number {
  const end = Math.min(one.byteLength, other.byteLength);
  let at = 0;
  while (at + 4 <= end && one.getInt32(at) === other.getInt32(at)) at += 4;
  while (at < end && one.getInt8(at) === other.getInt8(at)) at += 1;
  return at;
}

/** How many bytes two files have in common at their end, at most `most`. */
export function commonSuffix(one: DataView, other: DataView, most: number): number {
  const end = one.byteLength;
  const distance = other.byteLength - end;
  let common = 0;
  while (common + 4 <= most && one.getInt32(end - common - 4) === other.getInt32(end - common - 4 + distance))
    common += 4;
  while (common < most && one.getInt8(end - common - 1) === other.getInt8(end - common - 1 + distance)) common += 1;
  return common;
}
