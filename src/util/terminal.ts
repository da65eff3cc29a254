import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;

/**
 * The colours for what is written to `stream`: none unless it is a terminal that can show them and `NO_COLOR` is unset
 * or empty (<https://no-color.org>).
 */
export function colorsFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Colors {
  const wanted = stream.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
  return picocolors.createColors(wanted);
}

/**
 * A unified diff for a terminal: coloured as `git diff` does, and with control characters made visible (`^[` for
 * escape), since a file's content must not drive the reader's terminal. Tabs and line feeds stay.
 *
 * @param diff whole lines
 */
export function paintDiff(diff: string, colors: Colors): string {
  let inHeader = true;
  return diff.replace(/[^\n]+/g, (raw) => {
    if (raw.startsWith("diff --git ")) inHeader = true;
    else if (raw.startsWith("@@ ")) inHeader = false;
    const line = printable(raw);
    if (inHeader) return colors.bold(line);
    switch (line[0]) {
      case "+":
        return colors.green(line);
      case "-":
        return colors.red(line);
      case "@":
        return line.replace(/^@@ .*? @@/, (range) => colors.cyan(range));
      default:
        return line;
    }
  });
}

/** The text with control characters in caret notation, but for tab and line feed. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x80 ? `^${String.fromCharCode(code ^ 0x40)}` : `<${code.toString(16)}>`;
  });
}
