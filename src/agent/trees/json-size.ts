/** How many bytes of UTF-8 a value has as JSON. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/**
 * How much of a text fits into so many bytes of JSON. The cut is never within a surrogate pair, whose halves are two
 * characters each on their own.
 *
 * @param from where to begin, in UTF-16 units: not within a pair
 * @param room bytes of UTF-8, without the quotes
 * @returns where what fits ends, in UTF-16 units, and how many bytes it has
 */
export function fittingPrefix(text: string, from: number, room: number): { end: number; bytes: number } {
  let end = from;
  let bytes = 0;
  while (end < text.length) {
    const unit = text.charCodeAt(end);
    const isPair = isHigh(unit) && isLow(text.charCodeAt(end + 1));
    const next = isPair ? 4 : unitBytes(unit);
    if (bytes + next > room) break;
    bytes += next;
    end += isPair ? 2 : 1;
  }
  return { end, bytes };
}

/** What `JSON.stringify` makes of one UTF-16 unit that is no half of a pair, in bytes of UTF-8. */
function unitBytes(unit: number): number {
  if (unit < 0x20) return SHORT_ESCAPES.has(unit) ? 2 : 6;
  if (unit < 0x80) return unit === 0x22 || unit === 0x5c ? 2 : 1;
  if (unit < 0x800) return 2;
  return isHigh(unit) || isLow(unit) ? 6 : 3;
}

/** `\b`, `\t`, `\n`, `\f` and `\r`. */
const SHORT_ESCAPES: ReadonlySet<number> = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d]);

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
