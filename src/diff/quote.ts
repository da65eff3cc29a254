const ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

// control characters, the quote, the backslash, DEL, and every byte that is not ASCII (`core.quotePath=true`)
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const UNUSUAL = /[\0-\x1f"\\\x7f-\xff]/;
const EACH_UNUSUAL = new RegExp(UNUSUAL, "g");

/**
 * A path as git prints it: in double quotes, C escapes inside, if it has unusual bytes; else as it is. As the
 * documentation of `core.quotePath` says, for the value `true`.
 *
 * @param path one character per byte (latin1)
 * @returns ASCII
 */
export function quotePath(path: string): string {
  if (!UNUSUAL.test(path)) return path;
  const escaped = path.replace(EACH_UNUSUAL, (character) => {
    const code = character.charCodeAt(0);
    return ESCAPES[code] ?? `\\${code.toString(8).padStart(3, "0")}`;
  });
  return `"${escaped}"`;
}
