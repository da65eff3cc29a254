/** Longest code of the format, in bits. */
const MAX_BITS = 15;
const END_OF_BLOCK = 256;
/** What lengths and distances begin with, and how many bits follow, by the symbol: RFC 1951, 3.2.5. */
const LENGTH_BASE = Uint16Array.of(
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  10,
  11,
  13,
  15,
  17,
  19,
  23,
  27,
  31,
  35,
  43,
  51,
  59,
  67,
  83,
  99,
  115,
  131,
  163,
  195,
  227,
  258,
);
const LENGTH_BITS = Uint8Array.of(
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
  1,
  1,
  1,
  2,
  2,
  2,
  2,
  3,
  3,
  3,
  3,
  4,
  4,
  4,
  4,
  5,
  5,
  5,
  5,
  0,
);
const DISTANCE_BASE = Uint16Array.of(
  1,
  2,
  3,
  4,
  5,
  7,
  9,
  13,
  17,
  25,
  33,
  49,
  65,
  97,
  129,
  193,
  257,
  385,
  513,
  769,
  1025,
  1537,
  2049,
  3073,
  4097,
  6145,
  8193,
  12289,
  16385,
  24577,
);
const DISTANCE_BITS = Uint8Array.of(
  0,
  0,
  0,
  0,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  4,
  5,
  5,
  6,
  6,
  7,
  7,
  8,
  8,
  9,
  9,
  10,
  10,
  11,
  11,
  12,
  12,
  13,
  13,
);
/** In this order stand the lengths of the codes by which the lengths of the others are written: RFC 1951, 3.2.7. */
const ORDER = Uint8Array.of(16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15);

/** Most codes of a commit are no longer. */
const TABLE_BITS = 9;

/** Fifteen bits, read from the other end: codes stand in the data with their first bit lowest. */
const REVERSED = new Uint16Array(2 ** MAX_BITS);

/** A Huffman code. Codes are numbers without gaps, the short ones first, so that their length is found by comparing. */
class Code {
  /** By length: what is less is no longer than that, written in fifteen bits. */
  readonly limits = new Uint16Array(MAX_BITS + 2);
  /** By length: from a code's number to its place in {@link symbols}. */
  readonly offsets = new Int16Array(MAX_BITS + 2);
  readonly symbols = new Uint16Array(288);
  /** By the next bits: the symbol of a code that is no longer than those, times 16, and its length; else 0. */
  readonly table: Uint16Array;
  /** By length: how many codes there are, while they are added up; then where the next symbol goes. */
  readonly #counts = new Uint16Array(MAX_BITS + 1);

  /** @param hasTable whether it is asked for so many symbols that filling the table pays */
  constructor(hasTable: boolean) {
    this.table = new Uint16Array(hasTable ? 1 << TABLE_BITS : 0);
  }

  /**
   * @param symbols, lengths those that have a code, by symbol, from `start` to `end`
   * @param less what to take off each symbol
   * @returns whether they make a code
   */
  set(symbols: Uint16Array, lengths: Uint8Array, start: number, end: number, less: number): boolean {
    const counts = this.#counts.fill(0);
    for (let at = start; at < end; at += 1) {
      const bits = lengths[at] ?? 0;
      counts[bits] = (counts[bits] ?? 0) + 1;
    }
    let code = 0;
    let place = 0;
    for (let bits = 1; bits <= MAX_BITS; bits += 1) {
      const count = counts[bits] ?? 0;
      this.offsets[bits] = place - code;
      code += count;
      if (code > 1 << bits) return false;
      this.limits[bits] = code << (MAX_BITS - bits);
      counts[bits] = place;
      place += count;
      code <<= 1;
    }
    this.limits[MAX_BITS + 1] = 2 ** 16 - 1; // the loop that compares ends here, where no code fits
    const { table } = this;
    if (table.length > 0) table.fill(0);
    for (let at = start; at < end; at += 1) {
      const bits = lengths[at] ?? 0;
      const next = counts[bits] ?? 0;
      const symbol = (symbols[at] ?? 0) - less;
      this.symbols[next] = symbol;
      counts[bits] = next + 1;
      if (bits > TABLE_BITS || table.length === 0) continue;
      const first = REVERSED[(next - (this.offsets[bits] ?? 0)) << (MAX_BITS - bits)] ?? 0;
      for (let place = first; place < table.length; place += 1 << bits) table[place] = symbol * 16 + bits;
    }
    return true;
  }
}

const literalCode = new Code(true);
const distanceCode = new Code(false);
const lengthCode = new Code(false);
const fixedLiterals = new Code(true);
const fixedDistances = new Code(false);
/** The symbols of the codes of one block, with the lengths of their codes. */
const symbols = new Uint16Array(320);
const lengths = new Uint8Array(320);

/** Fills the tables that are the same for all data. At the first use: a command that reads no pack does without. */
function prepare(): void {
  for (let bits = 1; bits < REVERSED.length; bits += 1) {
    REVERSED[bits] = ((REVERSED[bits >> 1] ?? 0) >> 1) | ((bits & 1) << (MAX_BITS - 1));
  }
  const all = Uint16Array.from({ length: 288 }, (_, symbol) => symbol);
  const literals = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280, 288);
  fixedLiterals.set(all, literals, 0, 288, 0);
  fixedDistances.set(all, new Uint8Array(30).fill(5), 0, 30, 0);
}

/**
 * Inflates what was deflated with zlib's header and checksum, a few hundred bytes of it: there Node's `inflateSync` takes
 * longer for its own stream than for the data. A walk over 100,000 commits inflates as many.
 *
 * @param start where it begins
 * @param output as long as what comes out
 * @param part whether that is all: the start alone has no checksum
 * @returns `false` for anything that is not as it should be, cut off, or stored as it is: zlib says what is wrong
 */
export function inflateSmall(input: Uint8Array, start: number, output: Uint8Array, part: "whole" | "start"): boolean {
  const [method, flags] = [input[start] ?? 0, input[start + 1] ?? 0];
  if ((method & 0x0f) !== 8 || (flags & 0x20) !== 0 || (method * 256 + flags) % 31 !== 0) return false;
  if (REVERSED[1] === 0) prepare();
  const size = output.length;
  let written = 0;
  let at = start + 2;
  /** The next bits of the input, the first one lowest, and how many there are: 24 at least, where that is asked for. */
  let bits = 0;
  let count = 0;
  for (let isLast = false; !isLast; ) {
    for (; count <= 23; count += 8) bits |= (input[at++] ?? 0) << count;
    isLast = (bits & 1) === 1;
    const type = (bits >> 1) & 3;
    bits >>= 3;
    count -= 3;
    let literals = fixedLiterals;
    let distances = fixedDistances;
    if (type === 2) {
      const literalCount = (bits & 31) + 257;
      const end = literalCount + ((bits >> 5) & 31) + 1;
      const orderCount = ((bits >> 10) & 15) + 4;
      bits >>= 14;
      count -= 14;
      if (literalCount > 286 || end - literalCount > 30) return false;
      lengths.fill(0, 0, 19);
      for (let each = 0; each < orderCount; each += 1) {
        for (; count <= 23; count += 8) bits |= (input[at++] ?? 0) << count;
        lengths[ORDER[each] ?? 0] = bits & 7;
        bits >>= 3;
        count -= 3;
      }
      let used = 0;
      for (let symbol = 0; symbol < 19; symbol += 1) {
        const length = lengths[symbol] ?? 0;
        if (length === 0) continue;
        symbols[used] = symbol;
        lengths[used++] = length;
      }
      if (!lengthCode.set(symbols, lengths, 0, used, 0)) return false;
      used = 0;
      let usedByLiterals = -1;
      let before = 0;
      for (let place = 0; place < end; ) {
        for (; count <= 23; count += 8) bits |= (input[at++] ?? 0) << count;
        const reversed = REVERSED[bits & 0x7fff] ?? 0;
        let length = 1;
        while (reversed >= (lengthCode.limits[length] ?? 0)) length += 1;
        if (length > 7) return false;
        const symbol = lengthCode.symbols[(reversed >> (MAX_BITS - length)) + (lengthCode.offsets[length] ?? 0)] ?? 0;
        bits >>= length;
        count -= length;
        let times = 1;
        if (symbol < 16) before = symbol;
        else {
          const more = symbol === 16 ? 2 : symbol === 17 ? 3 : 7;
          times = (symbol === 18 ? 11 : 3) + (bits & ((1 << more) - 1));
          bits >>= more;
          count -= more;
          if (symbol !== 16) before = 0;
          else if (place === 0) return false;
        }
        if (place + times > end) return false;
        if (before === 0) place += times;
        else {
          for (const stop = place + times; place < stop; place += 1) {
            if (place >= literalCount && usedByLiterals < 0) usedByLiterals = used;
            symbols[used] = place;
            lengths[used++] = before;
          }
        }
      }
      if (usedByLiterals < 0) usedByLiterals = used;
      if (!literalCode.set(symbols, lengths, 0, usedByLiterals, 0)) return false;
      if (!distanceCode.set(symbols, lengths, usedByLiterals, used, literalCount)) return false;
      literals = literalCode;
      distances = distanceCode;
    } else if (type !== 1) return false;
    const { table } = literals;
    for (;;) {
      for (; count <= 23; count += 8) bits |= (input[at++] ?? 0) << count;
      const entry = table[bits & (table.length - 1)] ?? 0;
      let reversed = 0;
      let length = entry & 15;
      let symbol = entry >> 4;
      if (entry === 0) {
        reversed = REVERSED[bits & 0x7fff] ?? 0;
        length = TABLE_BITS + 1;
        while (reversed >= (literals.limits[length] ?? 0)) length += 1;
        if (length > MAX_BITS) return false;
        symbol = literals.symbols[(reversed >> (MAX_BITS - length)) + (literals.offsets[length] ?? 0)] ?? 0;
      }
      bits >>= length;
      count -= length;
      if (symbol < END_OF_BLOCK) {
        if (written >= size) return part === "start";
        output[written++] = symbol;
        continue;
      }
      if (symbol === END_OF_BLOCK) break;
      const lengthBits = LENGTH_BITS[symbol - 257] ?? 0;
      const copied = (LENGTH_BASE[symbol - 257] ?? 0) + (bits & ((1 << lengthBits) - 1));
      bits >>= lengthBits;
      count -= lengthBits;
      for (; count <= 23; count += 8) bits |= (input[at++] ?? 0) << count;
      reversed = REVERSED[bits & 0x7fff] ?? 0;
      length = 1;
      while (reversed >= (distances.limits[length] ?? 0)) length += 1;
      if (length > MAX_BITS) return false;
      const far = distances.symbols[(reversed >> (MAX_BITS - length)) + (distances.offsets[length] ?? 0)] ?? 0;
      bits >>= length;
      count -= length;
      for (; count <= 23; count += 8) bits |= (input[at++] ?? 0) << count;
      const distanceBits = DISTANCE_BITS[far] ?? 0;
      const distance = (DISTANCE_BASE[far] ?? 0) + (bits & ((1 << distanceBits) - 1));
      bits >>= distanceBits;
      count -= distanceBits;
      if (copied === 0 || distance === 0 || distance > written) return false;
      const end = Math.min(written + copied, size);
      if (end < written + copied && part === "whole") return false;
      for (; written < end; written += 1) output[written] = output[written - distance] ?? 0;
    }
  }
  if (written !== size) return false;
  at -= count >> 3; // whole bytes that were taken too early
  return at + 4 <= input.length && checksumAt(input, at) === adler32(output);
}

function checksumAt(input: Uint8Array, at: number): number {
  const low = ((input[at + 1] ?? 0) << 16) | ((input[at + 2] ?? 0) << 8) | (input[at + 3] ?? 0);
  return (input[at] ?? 0) * 2 ** 24 + low;
}

/** RFC 1950, 8.2. @param bytes so few that the sums do not overflow */
function adler32(bytes: Uint8Array): number {
  let one = 1;
  let other = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    one += bytes[at] ?? 0;
    other += one;
  }
  return (other % 65_521) * 2 ** 16 + (one % 65_521);
}
