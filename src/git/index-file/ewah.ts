/** Where a bitmap is read from. */
interface Cursor {
  bytes: Buffer;
  at: number;
}

/**
 * Reads a bitmap in git's compressed form and moves the cursor behind it.
 * Format: <https://git-scm.com/docs/bitmap-format#_appendix_a_serialization_format_for_an_ewah_bitmap>.
 *
 * @param limit bits that mean anything to the caller; a damaged bitmap may claim many more
 * @returns the positions of the bits that are set, ascending
 * @throws RangeError when it is damaged
 */
export function readEwah(cursor: Cursor, limit: number): number[] {
  const { bytes } = cursor;
  const words = bytes.readUInt32BE(cursor.at + 4);
  const start = cursor.at + 8;
  const end = start + words * 8;
  const next = end + 4;
  if (next > bytes.length) throw new RangeError("bitmap ends early");
  const set: number[] = [];
  let bit = 0;
  for (let at = start; at < end; ) {
    // A marker: one bit to repeat, how many words of it (32 bits), and how many literal words follow (31 bits).
    const high = bytes.readUInt32BE(at);
    const low = bytes.readUInt32BE(at + 4);
    const repeated = (low >>> 1) + ((high & 1) !== 0 ? 2 ** 31 : 0);
    const literals = high >>> 1;
    at += 8;
    const runEnd = bit + repeated * 64;
    if ((low & 1) !== 0) for (let place = bit; place < Math.min(runEnd, limit); place += 1) set.push(place);
    bit = runEnd;
    if (at + literals * 8 > end) throw new RangeError("bitmap ends early");
    for (let literal = 0; literal < literals; literal += 1, at += 8, bit += 64) {
      pushBits(set, bytes.readUInt32BE(at + 4), bit, limit);
      pushBits(set, bytes.readUInt32BE(at), bit + 32, limit);
    }
  }
  cursor.at = next;
  return set;
}

function pushBits(set: number[], word: number, base: number, limit: number): void {
  for (let left = word, place = base; left !== 0 && place < limit; left >>>= 1, place += 1) {
    if ((left & 1) !== 0) set.push(place);
  }
}
