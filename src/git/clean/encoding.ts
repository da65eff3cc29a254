import { createRequire } from "node:module";
import type { AttributeValue } from "../rules/attributes.js";
import { convertByIconv } from "./iconv.js";

/** Loaded when a file first asks for it: its tables cost 6 ms, and few repositories need them. */
const loadIconv = (): typeof import("iconv-lite") => createRequire(import.meta.filename)("iconv-lite");

/** What a decoder puts where bytes mean nothing in the encoding. */
const REPLACEMENT = "\ufffd";

/**
 * The encodings, in lower case, whose tables iconv-lite has just as the C library has them, which git converts by. For
 * others it has other characters (Shift_JIS, EUC-JP, Macintosh, GB18030, CP932), fewer or none.
 */
const SAME_TABLES =
  /^(?:utf-(?:16|32)(?:le|be)|iso-?8859-(?:[1-9]|1[013-6])|latin1|koi8-[ru]|(?:windows-|cp)125[0-467]|cp(?:437|850|852|866))$/;

const MARKS: Readonly<Record<string, readonly number[]>> = {
  "utf-16le": [0xff, 0xfe],
  "utf-16be": [0xfe, 0xff],
  "utf-32le": [0xff, 0xfe, 0, 0],
  "utf-32be": [0, 0, 0xfe, 0xff],
};

/** The encoding that `working-tree-encoding` names, in lower case; `undefined` for none, or UTF-8, which is git's own. */
export function workingTreeEncoding(value: AttributeValue | undefined): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  const name = value.toLowerCase().replace(/^utf-?/, "utf-");
  return name === "utf-8" ? undefined : name;
}

/**
 * Converts a file to UTF-8, as `working-tree-encoding` asks for on the way into the repository. Rules:
 * <https://git-scm.com/docs/gitattributes#_working_tree_encoding>.
 *
 * @param name as {@link workingTreeEncoding} returns it
 * @returns `undefined` where git complains and compares the bytes as they are: byte order marks that are missing or
 *   forbidden, and bytes that mean nothing in the encoding
 * @throws RangeError when the encoding is not known here
 */
export function toUtf8(content: Buffer, name: string): Buffer | undefined {
  const family = /^utf-(?:16|32)/.exec(name)?.[0];
  if (family === undefined) return decode(content, name);
  const marked = [`${family}le`, `${family}be`].find((known) => startsWith(content, MARKS[known] ?? []));
  if (name === family || name === "utf-16le-bom") {
    if (marked === undefined) return name === family ? undefined : decode(content, `${family}le`);
    return decode(content.subarray(MARKS[marked]?.length ?? 0), marked);
  }
  return marked === undefined ? decode(content, name) : undefined;
}

/**
 * Bytes as text, from the encoding that a commit names.
 *
 * @param encoding `undefined`: UTF-8
 * @returns UTF-8 made of the bytes where they mean nothing in the encoding, or nobody knows it, as git shows them then
 */
export function decodeText(bytes: Buffer, encoding: string | undefined): string {
  const name = workingTreeEncoding(encoding);
  if (name === undefined) return bytes.toString();
  try {
    return (toUtf8(bytes, name) ?? bytes).toString();
  } catch (thrown) {
    if (thrown instanceof RangeError) return bytes.toString();
    throw thrown;
  }
}

function decode(content: Buffer, name: string): Buffer | undefined {
  if (!SAME_TABLES.test(name)) return convertByIconv(content, name);
  const iconv = loadIconv();
  const isUtf16 = name.startsWith("utf-16");
  // The decoder drops half a unit at the end.
  if (content.length % (isUtf16 ? 2 : name.startsWith("utf-32") ? 4 : 1) !== 0) return undefined;
  const text = iconv.decode(content, name, { stripBOM: false });
  // The one for UTF-16 puts no replacement into the text, but leaves half a pair of surrogates, which UTF-8 can't hold.
  if (!isUtf16 && text.includes(REPLACEMENT)) return undefined;
  const utf8 = Buffer.from(text);
  return utf8.toString() === text ? utf8 : undefined;
}

function startsWith(content: Buffer, mark: readonly number[]): boolean {
  return mark.length > 0 && mark.every((byte, at) => content[at] === byte);
}
