import { spawnSync } from "node:child_process";

/** What an encoding may be called here. The program takes a name with a slash for a file with a table. */
const NAME = /^[\w.:()+-]+$/;

/**
 * Encodings of which a byte waits for the one behind it, with which it may be one character. Git asks the C library for
 * no such rest, so the last character of a file is lost, and with it what the file holds: those are refused, unless the
 * file ends with a line, as text does.
 */
const HOLDS_LAST_BACK = /^(?:(?:cp|windows-)1258|tcvn.*|.*jisx0213|big5-?hkscs|tscii|iso-?2022-?jp-?3)$/;

/** The names that were asked for: whether the C library knows them. */
const known = new Map<string, boolean>();

/**
 * Converts bytes to UTF-8 by the tables of the C library, which are git's: by the program `iconv`, that is there wherever
 * glibc is. Takes some milliseconds.
 *
 * @param name of the encoding
 * @returns `undefined` when the bytes mean nothing in it
 * @throws RangeError when the encoding is not known, or its tables can't be had
 */
export function convertByIconv(content: Buffer, name: string): Buffer | undefined {
  if (!isKnown(name)) throw new RangeError(name);
  if (HOLDS_LAST_BACK.test(name) && content.at(-1) !== 0x0a) throw new RangeError(name);
  return run(content, name);
}

function isKnown(name: string): boolean {
  let isKnown = known.get(name);
  if (isKnown === undefined) {
    isKnown = NAME.test(name) && run(Buffer.alloc(0), name) !== undefined;
    known.set(name, isKnown);
  }
  return isKnown;
}

/** @returns `undefined` when the program complains, or is not there */
function run(input: Buffer, name: string): Buffer | undefined {
  const { status, stdout } = spawnSync("iconv", [`--from-code=${name}`, "--to-code=UTF-8"], {
    input,
    stdio: ["pipe", "pipe", "ignore"],
    maxBuffer: 8 * input.length + 1024, // no encoding has a byte for more than two characters of four bytes
  });
  return status === 0 ? stdout : undefined;
}
