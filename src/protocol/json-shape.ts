const QUOTE = '"';
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Whether a JSON text has more values, or nests them deeper, than it may. Said without building any of them: a text of
 * 32 MiB can hold eleven million strings. The look ends where one of the two is exceeded. A text that is no JSON may have
 * either answer.
 *
 * @param maxValues about so many: separators and opening brackets outside of strings are counted
 * @param maxDepth arrays and objects inside of each other
 */
export function exceedsShape(text: string, maxValues: number, maxDepth: number): boolean {
  let values = 0;
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const quote = text.indexOf(QUOTE, at);
    const end = quote === -1 ? text.length : quote;
    for (; at < end; at += 1) {
      const code = text.charCodeAt(at);
      if (code === COMMA) values += 1;
      else if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
        values += 1;
        depth += 1;
      } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth -= 1;
      if (values > maxValues || depth > maxDepth) return true;
    }
    if (quote === -1) return false;
    at = behindString(text, quote + 1);
  }
  return false;
}

/** Skips a string of a JSON text. @param from behind the opening quote @returns the place behind the closing one */
export function behindString(text: string, from: number): number {
  for (let at = from; ; ) {
    const quote = text.indexOf(QUOTE, at);
    if (quote === -1) return text.length;
    let before = quote;
    while (before > from && text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    at = quote + 1;
    if ((quote - before) % 2 === 0) return at;
  }
}
