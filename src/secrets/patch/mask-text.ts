import type { Assignments } from "../paths/path-rules.js";
import type { Budget } from "../shapes/budget.js";
import type { LineScanner } from "../shapes/line-scanner.js";
import { maskOf, type Span } from "../shapes/span.js";

/** What stands for a span of a text. @param secret the whole span */
export type MaskWith = (span: Span, secret: string) => string;

/** The mask in a file's lines: what says of which kind a secret is, and the rule. */
export const plainMask: MaskWith = ({ shown, rule }, secret) => secret.slice(0, shown) + maskOf(rule);

/**
 * Finds what looks like a secret in one line, be it of bytes or of a text of two bytes a character.
 *
 * @param hasNul whether the text has any: a look for one would go through all of it for each line
 */
export function spansOf(
  scanner: LineScanner,
  text: string,
  { start, end, isCut, hasNul }: { start: number; end: number; isCut: boolean; hasNul: boolean },
  assignments: Assignments,
  budget: Budget,
): readonly Span[] {
  if (!hasNul || !text.slice(start, end).includes("\0")) {
    return scanner.scan({ text, start, end, isCut }, assignments, budget);
  }
  // NULs between the letters: a keyword would not be found
  const plain = text.slice(start, end).replaceAll("\0", "");
  const spans = scanner.scan({ text: plain, start: 0, end: plain.length, isCut }, assignments, budget);
  if (spans.length === 0) return spans;
  const places: number[] = [];
  for (let at = start; at < end; at += 1) if (text.charCodeAt(at) !== 0) places.push(at);
  return spans.map(({ start: from, end: to, rule }) => {
    // how much of it is shown would have to be counted with the NULs, which nobody reads anyhow
    return { start: places[from] ?? start, end: (places[to - 1] ?? end - 1) + 1, shown: 0, rule };
  });
}

/** Replaces spans of a part of a text. @param spans ascending; none meets another. @returns that part */
export function replaceSpans(
  text: string,
  { start, end }: { start: number; end: number },
  spans: readonly Span[],
  mask: MaskWith = plainMask,
): string {
  let replaced = "";
  let from = start;
  for (const span of spans) {
    replaced += text.slice(from, span.start) + mask(span, text.slice(span.start, span.end));
    from = span.end;
  }
  return replaced + text.slice(from, end);
}
