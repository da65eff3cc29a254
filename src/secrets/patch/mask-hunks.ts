import type { Assignments } from "../paths/path-rules.js";
import type { Budget } from "../shapes/budget.js";
import type { LineScanner } from "../shapes/line-scanner.js";
import { mergeSpans, type Span } from "../shapes/span.js";
import { HunkReader } from "./hunk-reader.js";
import { contentOf, KeySurroundings } from "./key-surroundings.js";
import { replaceSpans, spansOf } from "./mask-text.js";
import { KeyBlock, looksLikeBody, PRIVATE_KEY_RULE } from "./private-key.js";

/** What a patch's hunks are read with. */
export interface HunkMasking {
  readonly scanner: LineScanner;
  readonly assignments: Assignments;
  readonly budget: Budget;
  /** The whole new file: a hunk may hold no more than the middle of a private key. Absent: what looks like one is one. */
  readonly textOf?: (() => string | undefined) | undefined;
}

/** Hunks as they may be shown. */
export interface MaskedHunks {
  /** As many lines as before, each of the same kind. */
  readonly hunks: string;
  /** How many spans are masked. */
  readonly masked: number;
  /** The rule of the first of them. */
  readonly rule: string | undefined;
}

/** git cuts headings at 80 bytes: a shorter one is whole. Units. */
const CUT_HEADING_UNITS = 60;

/**
 * Masks what looks like a secret in a patch's hunks: in added, removed and context lines, and in headings. A line stays a
 * line, so that the counts of its hunk hold.
 *
 * @param hunks from the first `@@` on
 * @returns `hunks` itself when there is nothing to mask
 * @throws OverTimeError
 */
export function maskHunks(hunks: string, { scanner, assignments, budget, textOf }: HunkMasking): MaskedHunks {
  const reader = new HunkReader(hunks);
  const surroundings = new KeySurroundings(textOf);
  const old = new KeyBlock();
  const now = new KeyBlock();
  const hasNul = hunks.includes("\0");
  const mayHoldKey = hasNul || hunks.includes("PRIVATE KEY");
  const pieces: string[] = [];
  let copied = 0;
  let masked = 0;
  let rule: string | undefined;
  let newLine = 1;
  for (; reader.advance(); newLine = reader.newLine) {
    budget.step();
    const { kind, start, end } = reader;
    if (kind === "other") continue;
    const spans: Span[] = [];
    if (kind === "hunk") {
      const around = surroundings.at(reader, { newLine, old: old.isInside, new: now.isInside });
      old.jump(around.old);
      now.jump(around.new);
      if (around.heading && looksLikeBody(hunks.slice(start, end))) spans.push(keySpan(start, end));
    } else if (mayHoldKey || old.isInside || now.isInside) spans.push(...keySpans(reader, old, now));
    const isCut = kind === "hunk" && end - start >= CUT_HEADING_UNITS;
    const found = spansOf(
      scanner,
      hunks,
      { start, end, isCut, hasNul },
      kind === "hunk" ? "none" : assignments,
      budget,
    );
    const all = spans.length === 0 ? found : mergeSpans([...spans, ...found]);
    const [first] = all;
    if (first === undefined) continue;
    pieces.push(hunks.slice(copied, start), replaceSpans(hunks, { start, end }, all));
    copied = end;
    masked += all.length;
    rule ??= first.rule;
  }
  if (masked === 0) return { hunks, masked, rule };
  pieces.push(hunks.slice(copied));
  return { hunks: pieces.join(""), masked, rule };
}

/** The parts of a line that belong to a private key in a version of the file that has the line. */
function keySpans(reader: HunkReader, old: KeyBlock, now: KeyBlock): Span[] {
  const { kind, start, end } = reader;
  const line = contentOf(reader);
  const parts = [...(kind === "added" ? [] : old.take(line)), ...(kind === "removed" ? [] : now.take(line))];
  // with NULs between the letters, places in the line are others: all of it goes
  if (line.length !== end - start) return parts.length === 0 ? [] : [keySpan(start, end)];
  return mergeSpans(parts.map((part) => keySpan(start + part.start, start + part.end)));
}

function keySpan(start: number, end: number): Span {
  return { start, end, shown: 0, rule: PRIVATE_KEY_RULE };
}
