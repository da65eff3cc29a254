import { behindString } from "./json-shape.js";
import type { TreeFile } from "./tree.js";
import type { TreeMessage } from "./tunnel.js";

const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;

/**
 * Any character may be written as `\u` and four digits, six bytes where one would do: what has such an escape is made JSON anew,
 * so that what is passed on is, byte for byte, what `JSON.stringify` makes of it. The others are as short as can be.
 */
const LONG_ESCAPES = ["\\u", "\\/"] as const;

/** A part of a JSON text: UTF-8, or characters. */
export type JsonPart = Buffer | string;

/** A file's texts as JSON has them, without the quotes around them. */
export interface TextsJson {
  readonly header: JsonPart;
  readonly hunks: JsonPart;
}

/**
 * The texts of the files of a `tree` message, as the JSON in which they came. Whoever sends them on as JSON need not make it
 * anew: to quote a diff takes as long as to read it.
 *
 * It is looked for when it is first asked for, and holds the whole message: not for longer than the message is handled.
 */
export class ArrivedTexts {
  readonly #text: string;
  readonly #frame: Buffer;
  readonly #message: TreeMessage;
  #found: ReadonlyMap<TreeFile, TextsJson> | undefined;

  /** @param frame the message in UTF-8, which is valid @param text the same as text @param message what was read of it */
  constructor(frame: Buffer, text: string, message: TreeMessage) {
    this.#frame = frame;
    this.#text = text;
    this.#message = message;
  }

  /** @returns `undefined` for a file that is not one of the message's, or when the message has another form than JSON needs */
  of(file: TreeFile): TextsJson | undefined {
    this.#found ??= this.#find();
    return this.#found.get(file);
  }

  #find(): ReadonlyMap<TreeFile, TextsJson> {
    const { upserts } = this.#message;
    const found = new Map<TreeFile, TextsJson>();
    if (LONG_ESCAPES.some((long) => this.#text.includes(long))) return found;
    const { headers, hunks, commas } = walk(this.#text);
    // a field that is there twice, of which the last counts, would be one more; one whose name has an escape is not found
    const isPlain = headers.length === upserts.length && hunks.length === upserts.length;
    if (!isPlain || commas !== commasOf(this.#message)) return found;
    for (const [at, file] of upserts.entries()) {
      found.set(file, { header: this.#part(headers[at]), hunks: this.#part(hunks[at]) });
    }
    return found;
  }

  #part({ start, end }: Range = { start: 0, end: 0 }): JsonPart {
    const isAscii = this.#frame.length === this.#text.length;
    return isAscii ? this.#frame.subarray(start, end) : this.#text.slice(start, end);
  }
}

/** From the first character of a string up to the closing quote. */
interface Range {
  start: number;
  end: number;
}

/** Finds the strings that are fields of these names, and counts the commas outside of strings. @param text valid JSON */
function walk(text: string): { headers: Range[]; hunks: Range[]; commas: number } {
  const headers: Range[] = [];
  const hunks: Range[] = [];
  let commas = 0;
  let at = 0;
  for (;;) {
    const quote = text.indexOf('"', at);
    const end = quote === -1 ? text.length : quote;
    for (; at < end; at += 1) if (text.charCodeAt(at) === COMMA) commas += 1;
    if (quote === -1) return { headers, hunks, commas };
    at = behindString(text, quote + 1);
    // only a name has a colon behind it
    if (text.charCodeAt(at) !== COLON || text.charCodeAt(at + 1) !== QUOTE) continue;
    const ranges = text.startsWith('"header"', quote) ? headers : text.startsWith('"hunks"', quote) ? hunks : undefined;
    if (ranges === undefined) continue;
    const start = at + 2;
    at = behindString(text, start);
    ranges.push({ start, end: at - 1 });
  }
}

/** How many commas the JSON of a message has outside of strings, when each of its fields is there once. */
function commasOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner: unknown[] = Array.isArray(value) ? value : Object.values(value);
  return inner.reduce<number>((sum, each) => sum + commasOf(each), Math.max(0, inner.length - 1));
}
