const LINE_FEED = 10;
const BLOCK_BYTES = 1024;

/**
 * Without context, git leaves common blocks of 1,024 bytes at the end out before it looks at lines, all but the rest of
 * the line that the first of them cuts. That shows: lines there count for nothing, and no group slides into them.
 */
export function withoutLongTail(before: Uint8Array, after: Uint8Array): [before: Uint8Array, after: Uint8Array] {
  const shorter = Math.min(before.length, after.length);
  let common = 0;
  while (common < shorter && before[before.length - 1 - common] === after[after.length - 1 - common]) common += 1;
  const trimmed = common - (common % BLOCK_BYTES);
  const cut = before.length - trimmed;
  const lineFeed = before.indexOf(LINE_FEED, cut);
  const kept = lineFeed < 0 ? trimmed : Math.min(lineFeed + 1 - cut, trimmed);
  return [before.subarray(0, cut + kept), after.subarray(0, after.length - trimmed + kept)];
}
