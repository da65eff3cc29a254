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
  const masks = new LineMasks(hunks, scanner, budget);
  const surroundings = new KeySurroundings(textOf);
  if (assignments !== "none" || masks.hasNul || mayHoldKey(hunks, surroundings)) {
    maskEachLine(masks, surroundings, assignments);
  } else masks.maskLinesWithKeywords();
  return masks.finish();
}

/** Collects the masks of one text, line by line. */
class LineMasks {
  readonly text: string;
  readonly hasNul: boolean;
  readonly #scanner: LineScanner;
  readonly #budget: Budget;
  readonly #pieces: string[] = [];
  #copied = 0;
  #masked = 0;
  #rule: string | undefined;

  constructor(text: string, scanner: LineScanner, budget: Budget) {
    this.text = text;
    this.hasNul = text.includes("\0");
    this.#scanner = scanner;
    this.#budget = budget;
  }

  /** Nothing but keywords can tell: a look at the lines that have any is enough, and most have none. */
  maskLinesWithKeywords(): void {
    const { text } = this;
    const lineAt = (at: number) => {
      const reader = HunkReader.within(text, text.lastIndexOf("\n", at) + 1);
      reader.advance();
      return { text, ...partOf(reader) };
    };
    this.#scanner.scanLines(text, this.#budget, lineAt, (line, spans) => this.#replace(line, spans));
  }

  /** @param known what has been found in the line already, ascending */
  mask(reader: HunkReader, known: readonly Span[], assignments: Assignments): void {
    this.#budget.step();
    const part = { ...partOf(reader), hasNul: this.hasNul };
    const how = reader.kind === "hunk" ? "none" : assignments;
    const found = spansOf(this.#scanner, this.text, part, how, this.#budget);
    this.#replace(part, known.length === 0 ? found : mergeSpans([...known, ...found]));
  }

  #replace(part: { start: number; end: number }, spans: readonly Span[]): void {
    const [first] = spans;
    if (first === undefined) return;
    this.#pieces.push(this.text.slice(this.#copied, part.start), replaceSpans(this.text, part, spans));
    this.#copied = part.end;
    this.#masked += spans.length;
    this.#rule ??= first.rule;
  }

  finish(): MaskedHunks {
    const hunks = this.#masked === 0 ? this.text : this.#pieces.join("") + this.text.slice(this.#copied);
    return { hunks, masked: this.#masked, rule: this.#rule };
  }
}

function partOf({ kind, start, end }: HunkReader): { start: number; end: number; isCut: boolean } {
  return { start, end, isCut: kind === "hunk" && end - start >= CUT_HEADING_UNITS };
}

/** Whether any line, or what stands before any hunk, may be a private key's. */
function mayHoldKey(hunks: string, surroundings: KeySurroundings): boolean {
  if (hunks.includes("PRIVATE KEY")) return true;
  for (let at = 0; at >= 0; at = hunks.indexOf("\n@@ -", at) + 1 || -1) {
    const reader = new HunkReader(hunks, at);
    if (reader.advance() && reader.kind === "hunk" && surroundings.matter(reader)) return true;
  }
  return false;
}

function maskEachLine(masks: LineMasks, surroundings: KeySurroundings, assignments: Assignments): void {
  const reader = new HunkReader(masks.text);
  const old = new KeyBlock();
  const now = new KeyBlock();
  for (let newLine = 1; reader.advance(); newLine = reader.newLine) {
    if (reader.kind === "other") continue;
    if (reader.kind !== "hunk") {
      masks.mask(reader, keySpans(reader, old, now), assignments);
      continue;
    }
    const around = surroundings.at(reader, { newLine, old: old.isInside, new: now.isInside });
    old.jump(around.old);
    now.jump(around.new);
    const { text, start, end } = reader;
    masks.mask(reader, around.heading && looksLikeBody(text.slice(start, end)) ? [keySpan(start, end)] : [], "none");
  }
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
