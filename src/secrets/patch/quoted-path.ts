const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  t: "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
};

/** The bytes of a path as git prints it in a header: as it is, or in quotes with C escapes. One byte per character. */
export function unquotedPath(printed: string): string {
  if (!printed.startsWith('"')) return Buffer.from(printed).toString("latin1");
  return printed.slice(1, -1).replace(/\\([0-7]{3}|.)/g, (_, code: string) => {
    return code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code);
  });
}
