/**
 * Applies a pack's delta: copies from the base and literal insertions, in turn.
 * Format: <https://git-scm.com/docs/pack-format#_deltified_representation>.
 *
 * @throws RangeError when the delta is damaged or made for another base
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array): Buffer {
  const cursor = { at: 0 };
  if (readSize(delta, cursor) !== base.length) throw new RangeError("delta made for another base");
  const size = readSize(delta, cursor);
  // No delta makes more than if each byte were a copy of the greatest length: a larger claim is not allocated.
  if (size > delta.length * MAX_COPY_BYTES) throw new RangeError("delta claims too large a result");
  const result = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  while (cursor.at < delta.length) {
    const instruction = byteAt(delta, cursor);
    if ((instruction & 0x80) !== 0) {
      const offset = readPart(delta, cursor, instruction, 4);
      const length = readPart(delta, cursor, instruction >> 4, 3) || 0x10000;
      if (offset + length > base.length || filled + length > size) throw new RangeError("delta copies out of range");
      result.set(base.subarray(offset, offset + length), filled);
      filled += length;
    } else {
      const end = cursor.at + instruction;
      if (instruction === 0 || end > delta.length || filled + instruction > size) {
        throw new RangeError("damaged delta instruction");
      }
      result.set(delta.subarray(cursor.at, end), filled);
      filled += instruction;
      cursor.at = end;
    }
  }
  if (filled !== size) throw new RangeError("delta ends early");
  return result;
}

/** The size in bytes of what a delta makes, from its first bytes (20 are enough). @throws RangeError */
export function deltaResultSize(delta: Uint8Array): number {
  const cursor = { at: 0 };
  readSize(delta, cursor);
  return readSize(delta, cursor);
}

/** A copy's length has three bytes. */
const MAX_COPY_BYTES = 2 ** 24;

function byteAt(bytes: Uint8Array, cursor: { at: number }): number {
  const byte = bytes[cursor.at];
  if (byte === undefined) throw new RangeError("delta ends early");
  cursor.at += 1;
  return byte;
}

/** Seven bits a byte, least significant first. */
function readSize(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = byteAt(bytes, cursor);
    value += (byte & 0x7f) * factor;
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError("damaged size");
    if (byte < 0x80) return value;
  }
}

/** A number of whose bytes only those are stored whose bit is set in `present`. */
function readPart(bytes: Uint8Array, cursor: { at: number }, present: number, width: number): number {
  let value = 0;
  for (let index = 0; index < width; index += 1) {
    if ((present & (1 << index)) !== 0) value += byteAt(bytes, cursor) * 256 ** index;
  }
  return value;
}
