import type { Assignments } from "../paths/path-rules.js";
import { assignedSecret } from "./assignments.js";
import { HEADER_KEYWORDS } from "./authorization.js";
import { AWS_KEYWORDS } from "./aws-secret.js";
import { Budget } from "./budget.js";
import { type Keyword, KeywordIndex } from "./keyword-index.js";
import type { Line, Recognizer } from "./recognizer.js";
import { mergeSpans, type Span } from "./span.js";
import { TOKEN_KEYWORDS } from "./tokens.js";
import { URL_KEYWORDS } from "./url-password.js";
import { WEB_TOKEN_KEYWORDS } from "./web-token.js";

/** Finds in lines what looks like a secret. The time it takes grows with their length and not faster. */
export class LineScanner {
  readonly #index: KeywordIndex<Recognizer>;

  /** @param preset those of `loadPreset`; absent: our own rules alone */
  constructor(preset: readonly Keyword<Recognizer>[] = []) {
    const own = [...TOKEN_KEYWORDS, ...WEB_TOKEN_KEYWORDS, ...URL_KEYWORDS, ...AWS_KEYWORDS, ...HEADER_KEYWORDS];
    this.#index = new KeywordIndex([...own, ...preset]);
  }

  /** @returns ascending; none meets another. @throws OverTimeError */
  scan(line: Line, assignments: Assignments, budget: Budget): readonly Span[] {
    const found = new LineFinds(line, budget);
    this.#index.find(line.text, line.start, line.end, () => budget.step(), found.at);
    const assigned = assignedSecret(line, assignments);
    if (assigned !== undefined && !found.meets(assigned)) found.spans.push(assigned);
    return found.merged();
  }

  /**
   * The same for a text of many lines, of which most have no keyword, in one walk.
   *
   * @param lineAt the line that a place belongs to, called for those that have a keyword
   * @param found called for each line with something in it, ascending
   * @throws OverTimeError
   */
  scanLines<L extends Line>(
    text: string,
    budget: Budget,
    lineAt: (at: number) => L,
    found: (line: L, spans: readonly Span[]) => void,
  ): void {
    let line: L | undefined;
    let finds: LineFinds | undefined;
    const flush = () => {
      if (line !== undefined && finds !== undefined && finds.spans.length > 0) found(line, finds.merged());
    };
    this.#index.find(
      text,
      0,
      text.length,
      () => budget.step(),
      (at, recognizer) => {
        if (line === undefined || finds === undefined || at >= line.end) {
          flush();
          line = lineAt(at);
          finds = new LineFinds(line, budget);
        }
        return finds.at(at, recognizer);
      },
    );
    flush();
  }

  /** Has the engine compile what a first file would wait for, and be withheld for its time. Takes a few milliseconds. */
  warmUp(): void {
    const budget = new Budget(() => 0, 1, 0);
    const line = `+ const url = "https://example.com/a"; // key-1 sk-1 authorization: none, access_key\n`;
    const text = line.repeat(500);
    this.scanLines(
      text,
      budget,
      (at) => ({ text, start: at, end: at + 20, isCut: false }),
      () => {},
    );
  }
}

/** What has been found in one line. */
class LineFinds {
  readonly spans: Span[] = [];
  readonly #line: Line;
  readonly #budget: Budget;
  /** Up to here, everything is masked anyhow. */
  #covered: number;

  constructor(line: Line, budget: Budget) {
    this.#line = line;
    this.#budget = budget;
    this.#covered = line.start;
  }

  /** A keyword stands here. @returns up to where everything is masked */
  readonly at = (at: number, recognizer: Recognizer): number => {
    if (at < this.#covered) return this.#covered;
    this.#budget.step();
    const found = recognizer(this.#line, at, this.#budget);
    if (found === undefined) return this.#covered;
    for (const span of "rule" in found ? [found] : found) {
      this.spans.push(span);
      if (span.start <= at) this.#covered = Math.max(this.#covered, span.end);
    }
    return this.#covered;
  };

  meets({ start, end }: Span): boolean {
    return this.spans.some((span) => span.start < end && span.end > start);
  }

  merged(): readonly Span[] {
    return this.spans.length < 2 ? this.spans : mergeSpans(this.spans);
  }
}
