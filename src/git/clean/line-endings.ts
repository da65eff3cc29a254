import type { AttributeValue } from "../rules/attributes.js";

/** What becomes of a file's CRLF line ends on their way into the repository. */
export type LineEndings =
  /** Nothing: `-text`, or nobody asks for a conversion. */
  | "keep"
  /** Each CRLF becomes LF. */
  | "convert"
  /** The same for text only, and not when the index already holds CRLF. */
  | "auto";

/** `core.autocrlf`. */
export type AutoCrlf = boolean | "input";

/** Settles `text`, `crlf` (its old name), `eol` and `core.autocrlf`. Rules: <https://git-scm.com/docs/gitattributes>. */
export function lineEndings(attributes: ReadonlyMap<string, AttributeValue>, autoCrlf: AutoCrlf): LineEndings {
  const text = conversionOf(attributes.get("text")) ?? conversionOf(attributes.get("crlf"));
  if (text === "keep") return "keep";
  const eol = attributes.get("eol");
  if (text === "auto") return "auto";
  if (text === "convert" || eol === "lf" || eol === "crlf") return "convert";
  return autoCrlf === false ? "keep" : "auto";
}

function conversionOf(value: AttributeValue | undefined): LineEndings | undefined {
  if (value === true || value === "input") return "convert";
  if (value === false) return "keep";
  return value === "auto" ? "auto" : undefined;
}

const CR = 0x0d;
const LF = 0x0a;
const CRLF = Buffer.from("\r\n");

/**
 * Converts a file's line ends as git does on the way in.
 * @param indexContent reads the blob that the index holds for the path, if any; asked only where it matters
 * @returns `content` itself when nothing changes
 */
export function convertLineEndings(
  content: Buffer,
  how: LineEndings,
  indexContent: () => Uint8Array | undefined,
): Buffer {
  if (how === "keep" || content.indexOf(CRLF) < 0) return content;
  if (how === "auto" && (statisticsOf(content).looksBinary() || holdsCrlfText(indexContent()))) return content;
  return crlfToLf(content);
}

/** Whether the index already holds a text with CRLF: then git's guess leaves the file alone. */
export function holdsCrlfText(indexed: Uint8Array | undefined): boolean {
  if (indexed === undefined) return false;
  const content = Buffer.from(indexed.buffer, indexed.byteOffset, indexed.length);
  return content.indexOf(CRLF) >= 0 && !statisticsOf(content).looksBinary();
}

/** The same conversion for a file that is read in pieces. */
export class CrlfConverter {
  #held = false;

  /** @returns what is certain by now: a CR at the end of a piece waits for the next one */
  push(piece: Buffer): Buffer {
    const data = this.#held ? Buffer.concat([Buffer.of(CR), piece]) : piece;
    this.#held = data[data.length - 1] === CR;
    return crlfToLf(this.#held ? data.subarray(0, -1) : data);
  }

  finish(): Buffer {
    return this.#held ? Buffer.of(CR) : Buffer.alloc(0);
  }
}

function crlfToLf(content: Buffer): Buffer {
  let at = content.indexOf(CRLF);
  if (at < 0) return content;
  const result = Buffer.allocUnsafeSlow(content.length);
  let filled = 0;
  let from = 0;
  for (; at >= 0; at = content.indexOf(CRLF, from)) {
    filled += content.copy(result, filled, from, at);
    from = at + 1;
  }
  filled += content.copy(result, filled, from);
  return result.subarray(0, filled);
}

/** What git counts to guess whether a file is text, for line ends: another guess than the one for diffs. */
export class TextStatistics {
  /** How many line ends are CRLF. */
  crlfs = 0;
  #printable = 0;
  #unprintable = 0;
  #broken = false;
  #last = 0;

  /** Whether the answer is "binary", whatever follows. */
  get isSettled(): boolean {
    return this.#broken;
  }

  update(piece: Uint8Array): void {
    let last = this.#last;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at] as number;
      if (last === CR) {
        if (byte !== LF) this.#broken = true;
        else this.crlfs += 1;
      }
      last = byte;
      if (byte === CR || byte === LF) continue;
      if (byte === 0) this.#broken = true;
      else if (byte === 0x7f || (byte < 0x20 && !PRINTABLE_CONTROLS.has(byte))) this.#unprintable += 1;
      else this.#printable += 1;
    }
    this.#last = last;
  }

  /** A NUL, a CR without LF, or more than one unprintable byte in 128. A control-Z at the very end does not count. */
  looksBinary(): boolean {
    const unprintable = this.#last === 0x1a ? this.#unprintable - 1 : this.#unprintable;
    return this.#broken || this.#last === CR || Math.floor(this.#printable / 128) < unprintable;
  }
}

/** Backspace, tab, escape and form feed. */
const PRINTABLE_CONTROLS = new Set([0x08, 0x09, 0x1b, 0x0c]);

function statisticsOf(content: Uint8Array): TextStatistics {
  const statistics = new TextStatistics();
  statistics.update(content);
  return statistics;
}
