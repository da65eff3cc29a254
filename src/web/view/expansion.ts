import {
  countOldLines,
  findHeading,
  type Gap,
  gapBehind,
  OldLines,
  oldBlobOf,
  type WiderRows,
} from "../model/old-lines.js";
import { rowsOf } from "../model/rows.js";
import type { Refused, TextPart } from "../relay.js";

/** So many lines more are shown at a time. */
export const CONTEXT_STEP = 20;

/** The most lines that one answer of the relay has (docs/protocol.md). */
const LINES_A_CALL = 2_000;
/** What is asked for first when a function's head is looked for: most functions are shorter. */
const FIRST_LOOK_LINES = 100;

/** Which of the lines that are left out: above what follows, below what is before, up to the function's head, or all. */
export type Wish = "up" | "down" | "function" | "all";

/** What a reader wants to see of a gap. */
export interface Wanted {
  gap: Gap;
  wish: Wish;
  /** Of the hunk below. */
  heading: string;
}

/** What the relay has answered: lines that may be shown, or why there are none, in words. */
export type Found = { kind: "lines"; show: () => void } | { kind: "refused"; why: string };

/** Asks for lines of a file's old version, by its blob's id: from one up to but without another. */
export type AskLines = (blob: string, from: number, to: number) => Promise<Refused | TextPart>;

/** What is shown of one file around its hunks. */
export class Expansion {
  readonly #ask: AskLines;
  #old: OldLines | undefined;

  constructor(header: string, ask: AskLines) {
    this.#ask = ask;
    this.follow([], header);
  }

  /** The file has changed: what was shown stays, unless the old version is another. @param before rows until now */
  follow(before: readonly string[], header: string): void {
    const blob = oldBlobOf(header);
    if (this.#old?.blob === blob) this.#old?.keep(before);
    else this.#old = blob === undefined ? undefined : new OldLines(blob);
  }

  /** The id of the old version. */
  get blob(): string | undefined {
    return this.#old?.blob;
  }

  widen(rows: readonly string[]): WiderRows {
    return this.#old?.widen(rows) ?? { rows, places: undefined };
  }

  /** What is left out behind the last row. @param rows of the diff, as they came @param shown as they are shown */
  gapBehind(rows: readonly string[], shown: readonly string[]): Gap {
    return gapBehind(shown, this.#old?.count ?? countOldLines(rows));
  }

  /** Asks for lines. @returns shows nothing by itself */
  async find({ gap, wish, heading }: Wanted): Promise<Found> {
    const old = this.#old;
    if (old === undefined) return { kind: "refused", why: "There is no old version." };
    const answer =
      wish === "function" && gap.to !== undefined
        ? await this.#upTo(heading, old.blob, gap.from, gap.to)
        : await this.#between(old.blob, ...rangeOf(gap, wish));
    if ("message" in answer) return { kind: "refused", why: answer.message };
    // the lines of one version would lie amid those of another
    if (this.#old !== old) return { kind: "refused", why: "Changed meanwhile." };
    const show = () => {
      for (const { from, text } of answer.parts) old.add(from, text);
      old.setCount(answer.count);
    };
    return { kind: "lines", show };
  }

  async #between(blob: string, from: number, to: number): Promise<Refused | Parts> {
    const parts: Part[] = [];
    let count = Number.POSITIVE_INFINITY;
    for (let at = from; at < Math.min(to, count + 1); at += LINES_A_CALL) {
      const answer = await this.#ask(blob, at, Math.min(to, at + LINES_A_CALL));
      if ("message" in answer) return answer;
      parts.push({ from: at, text: answer.text });
      count = answer.count;
    }
    return { parts, count };
  }

  /** The lines from a function's head on; all of them where the head is further up. */
  async #upTo(heading: string, blob: string, from: number, to: number): Promise<Refused | Parts> {
    const parts: Part[] = [];
    let count = 0;
    for (
      let [end, size] = [to, FIRST_LOOK_LINES];
      end > from;
      [end, size] = [Math.max(from, end - size), LINES_A_CALL]
    ) {
      const start = Math.max(from, end - size);
      const answer = await this.#ask(blob, start, end);
      if ("message" in answer) return answer;
      count = answer.count;
      const rows = rowsOf(answer.text);
      const head = findHeading(heading, start, start + rows.length, (line) => rows[line - start]);
      const skipped = (head ?? start) - start;
      parts.push({
        from: start + skipped,
        text: answer.text
          .split(/(?<=\n)/)
          .slice(skipped)
          .join(""),
      });
      if (head !== undefined) break;
    }
    return { parts, count };
  }
}

interface Part {
  from: number;
  text: string;
}

interface Parts {
  parts: readonly Part[];
  /** Of all lines of the version. */
  count: number;
}

function rangeOf({ from, to = Number.MAX_SAFE_INTEGER }: Gap, wish: Wish): [from: number, to: number] {
  if (wish === "up") return [Math.max(from, to - CONTEXT_STEP), to];
  return [from, wish === "down" ? Math.min(to, from + CONTEXT_STEP) : to];
}
