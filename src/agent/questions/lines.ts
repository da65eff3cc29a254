import { MAX_ANSWERED_LINES } from "../../protocol/index.js";

/**
 * Lines of a text, with their ends.
 *
 * @param from, to the first and the last line, from 1; what the text does not have is left out
 * @returns `lines`: how many the whole text has
 */
export function linesOf(text: string, from: number, to: number): { text: string; lines: number } {
  const lines = text.split(/(?<=\n)/);
  const count = text === "" ? 0 : lines.length;
  const last = Math.min(to, from + MAX_ANSWERED_LINES - 1);
  return { text: count === 0 ? "" : lines.slice(from - 1, last).join(""), lines: count };
}
