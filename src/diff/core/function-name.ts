import { matchLine } from "./host";
import { Text } from "./text";

/** As much of the line is printed behind `@@`, in bytes. */
const MAX_NAME_BYTES: usize = 80;
const LINE_FEED: u8 = 10;
const CARRIAGE_RETURN: u8 = 13;

/** Where a pattern of the caller's writes a name. */
const written: usize = memory.data(80);

let searchedTo: i32 = -1;
/** The text behind `@@`, hunk after hunk: whether there is one, its address, and how many bytes. */
export let hasName: bool = false;
export let name: usize = 0;
export let nameLength: usize = 0;

export function startNames(): void {
  searchedTo = -1;
  hasName = false;
}

/**
 * Finds the text for a hunk whose first line is `line`: that of the nearest earlier line that is a head. Hunks are asked
 * for in order.
 */
export function findName(before: Text, line: i32, hasPattern: bool): void {
  for (let i = line - 1; i > searchedTo; i -= 1) {
    if (hasPattern ? matchesPattern(before, i) : startsName(before, i)) {
      cutName();
      break;
    }
  }
  searchedTo = max(searchedTo, line - 1);
}

function matchesPattern(text: Text, line: i32): bool {
  const start = text.start(line);
  let end = text.start(line + 1);
  if (end > start && load<u8>(end - 1) === LINE_FEED) {
    end -= 1;
    if (end > start && load<u8>(end - 1) === CARRIAGE_RETURN) end -= 1;
  }
  const length = matchLine(start, end, written);
  if (length < 0) return false;
  name = written;
  nameLength = length as usize;
  return true;
}

/** An ASCII letter, `_` or `$`. */
function startsName(text: Text, line: i32): bool {
  const start = text.start(line);
  const byte = load<u8>(start);
  const letter = byte | 32;
  if ((letter < 97 || letter > 122) && byte !== 95 && byte !== 36) return false;
  name = start;
  nameLength = text.start(line + 1) - start;
  return true;
}

/**
 * Cuts at 80 bytes, then white space at the end, then everything from the first byte that is not UTF-8. There is no name
 * when there is nothing but white space; without a byte of UTF-8 git prints the space before it.
 */
function cutName(): void {
  let end = name + min(nameLength, MAX_NAME_BYTES);
  while (end > name && isSpace(load<u8>(end - 1))) end -= 1;
  hasName = end > name;
  let at = name;
  while (at < end) {
    const size = characterBytes(at, end);
    if (size === 0) break;
    at += size;
  }
  nameLength = at - name;
}

function isSpace(byte: u8): bool {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13;
}

/**
 * How many bytes the UTF-8 character at `at` has: 0 when there is none. As RFC 3629 has it, and without U+FFFE and
 * U+FFFF.
 */
function characterBytes(at: usize, end: usize): usize {
  const first = load<u8>(at);
  if (first < 0x80) return 1;
  const size: usize = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > end) return 0;
  for (let i: usize = 1; i < size; i += 1) if ((load<u8>(at + i) & 0xc0) !== 0x80) return 0;
  const second = load<u8>(at + 1);
  const tooLong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
  const surrogate = first === 0xed && second >= 0xa0;
  const tooLarge = first === 0xf4 && second >= 0x90;
  const noCharacter = first === 0xef && second === 0xbf && load<u8>(at + 2) >= 0xbe;
  return tooLong || surrogate || tooLarge || noCharacter ? 0 : size;
}
