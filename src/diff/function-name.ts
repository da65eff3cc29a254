import { LINE_FEED } from "./scan-lines.js";
import type { Text } from "./text.js";
import type { FunctionPattern } from "./types.js";

/** As much of the line is printed behind `@@`, in bytes. */
const MAX_NAME_BYTES = 80;
const CARRIAGE_RETURN = 13;

/** The text behind `@@`, hunk after hunk: that of the nearest earlier line that the pattern takes for a head. */
export class FunctionNames {
  readonly #text: Text;
  readonly #pattern: FunctionPattern | undefined;
  #searchedTo = -1;
  #name: Uint8Array | undefined;

  constructor(before: Text, pattern: FunctionPattern | undefined) {
    this.#text = before;
    this.#pattern = pattern;
  }

  /** The text for a hunk whose first line is `line`; hunks are asked for in order. */
  before(line: number): Uint8Array | undefined {
    const last = line - 1;
    for (let i = last; i > this.#searchedTo; i -= 1) {
      const name = this.#match(i);
      if (name === undefined) continue;
      this.#name = printable(name);
      break;
    }
    this.#searchedTo = Math.max(this.#searchedTo, last);
    return this.#name;
  }

  #match(line: number): Uint8Array | undefined {
    const { bytes } = this.#text;
    const start = this.#text.start(line);
    let end = this.#text.end(line);
    if (this.#pattern === undefined) return startsName(bytes[start] as number) ? bytes.subarray(start, end) : undefined;
    if (end > start && bytes[end - 1] === LINE_FEED) {
      end -= 1;
      if (end > start && bytes[end - 1] === CARRIAGE_RETURN) end -= 1;
    }
    return this.#pattern.match(bytes.subarray(start, end));
  }
}

/** An ASCII letter, `_` or `$`. */
function startsName(byte: number): boolean {
  return (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || byte === 95 || byte === 36;
}

/**
 * Cuts at 80 bytes, then white space at the end, then everything from the first byte that is not UTF-8.
 * @returns `undefined` when there is nothing but white space; without a byte of UTF-8 git prints the space before it
 */
function printable(name: Uint8Array): Uint8Array | undefined {
  let end = Math.min(name.length, MAX_NAME_BYTES);
  while (end > 0 && isSpace(name[end - 1] as number)) end -= 1;
  if (end === 0) return undefined;
  let valid = 0;
  while (valid < end) {
    const size = characterBytes(name, valid, end);
    if (size === 0) break;
    valid += size;
  }
  return name.subarray(0, valid);
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13;
}

/**
 * How many bytes the UTF-8 character at `at` has: 0 when there is none. As RFC 3629 has it, and without U+FFFE and
 * U+FFFF.
 */
function characterBytes(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > end) return 0;
  for (let i = 1; i < size; i += 1) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1] as number;
  const tooLong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
  const surrogate = first === 0xed && second >= 0xa0;
  const tooLarge = first === 0xf4 && second >= 0x90;
  const noCharacter = first === 0xef && second === 0xbf && (bytes[at + 2] as number) >= 0xbe;
  return tooLong || surrogate || tooLarge || noCharacter ? 0 : size;
}
