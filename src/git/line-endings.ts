import type { AttributeValue } from "./attributes.js";

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
  const text = wish(attributes.get("text")) ?? wish(attributes.get("crlf"));
  if (text === "keep") return "keep";
  const eol = attributes.get("eol");
  if (text === "auto") return "auto";
  if (text === "convert" || eol === "lf" || eol === "crlf") return "convert";
  return autoCrlf === false ? "keep" : "auto";
}

function wish(value: AttributeValue | undefined): LineEndings | undefined {
  if (value === true || value === "input") return "convert";
  if (value === false) return "keep";
  return value === "auto" ? "auto" : undefined;
}

const CR = 0x0d;
const LF = 0x0a;

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
  if (how === "convert") return dropReturns(content);
  if (looksBinary(content)) return content;
  const indexed = indexContent();
  if (indexed !== undefined && holdsCrlfText(Buffer.from(indexed.buffer, indexed.byteOffset, indexed.length)))
    return content;
  // A text without lone CRs: each CR stands before an LF.
  return dropReturns(content);
}

const CRLF = Buffer.from("\r\n");

function holdsCrlfText(content: Buffer): boolean {
  return content.indexOf(CRLF) >= 0 && !looksBinary(content);
}

function dropReturns(content: Buffer): Buffer {
  const result = Buffer.allocUnsafeSlow(content.length);
  let filled = 0;
  let from = 0;
  for (let at = content.indexOf(CRLF); at >= 0; at = content.indexOf(CRLF, from)) {
    filled += content.copy(result, filled, from, at);
    from = at + 1;
  }
  filled += content.copy(result, filled, from);
  return result.subarray(0, filled);
}

/**
 * Git's guess for line ends (another one than for diffs): binary is what holds a NUL, a CR without LF, or more than
 * one unprintable byte in 128.
 */
function looksBinary(content: Buffer): boolean {
  let printable = 0;
  let unprintable = 0;
  for (let at = 0; at < content.length; at += 1) {
    const byte = content[at] as number;
    if (byte === CR) {
      if (content[at + 1] !== LF) return true;
      at += 1;
    } else if (byte === LF) {
      // Counts as neither.
    } else if (byte === 0) return true;
    else if (byte === 0x7f || (byte < 0x20 && !PRINTABLE_CONTROLS.has(byte))) unprintable += 1;
    else printable += 1;
  }
  // A control-Z at the end is how old systems marked it.
  if (content[content.length - 1] === 0x1a) unprintable -= 1;
  return printable >>> 7 < unprintable;
}

/** Backspace, tab, escape and form feed. */
const PRINTABLE_CONTROLS = new Set([0x08, 0x09, 0x1b, 0x0c]);
