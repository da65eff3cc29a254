const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

/**
 * Reads a name quoted as git quotes it, from the opening quote on, one character per byte.
 * Rules: `core.quotePath` in <https://git-scm.com/docs/git-config>.
 *
 * @returns the name, and the position behind the closing quote; `undefined` when it is not well formed
 */
export function unquoteCStyle(quoted: string): { text: string; end: number } | undefined {
  let text = "";
  for (let at = 1; at < quoted.length; at += 1) {
    const char = quoted.charAt(at);
    if (char === '"') return { text, end: at + 1 };
    if (char !== "\\") {
      text += char;
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(quoted.slice(at + 1, at + 4))?.[0];
    if (octal !== undefined) {
      text += String.fromCharCode(Number.parseInt(octal, 8));
      at += 3;
      continue;
    }
    at += 1;
    const escaped = ESCAPES[quoted.charAt(at)];
    if (escaped === undefined) return undefined;
    text += escaped;
  }
  return undefined;
}
