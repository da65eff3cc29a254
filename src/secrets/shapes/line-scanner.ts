import type { Assignments } from "../paths/path-rules.js";
import { assignedSecret } from "./assignments.js";
import { HEADER_KEYWORDS } from "./authorization.js";
import type { Budget } from "./budget.js";
import { type Keyword, KeywordIndex } from "./keyword-index.js";
import type { Line, Recognizer } from "./recognizer.js";
import { mergeSpans, type Span } from "./span.js";
import { TOKEN_KEYWORDS } from "./tokens.js";
import { URL_KEYWORDS } from "./url-password.js";
import { WEB_TOKEN_KEYWORDS } from "./web-token.js";

/** Finds in a line what looks like a secret. The time it takes grows with the line's length and not faster. */
export class LineScanner {
  readonly #index: KeywordIndex<Recognizer>;

  /** @param preset as {@link loadPresetKeywords} gives them; absent: our own rules alone */
  constructor(preset: readonly Keyword<Recognizer>[] = []) {
    const own = [...TOKEN_KEYWORDS, ...WEB_TOKEN_KEYWORDS, ...URL_KEYWORDS, ...HEADER_KEYWORDS];
    this.#index = new KeywordIndex([...own, ...preset]);
  }

  /** @returns ascending; none meets another. @throws OverTimeError */
  scan(line: Line, assignments: Assignments, budget: Budget): readonly Span[] {
    const spans: Span[] = [];
    let covered = line.start;
    const tick = () => budget.step();
    this.#index.find(line.text, line.start, line.end, tick, (at, recognizer) => {
      if (at < covered) return; // within what is masked anyhow
      budget.step();
      const found = recognizer(line, at, budget);
      for (const span of found === undefined ? [] : "rule" in found ? [found] : found) {
        spans.push(span);
        if (span.start <= at) covered = Math.max(covered, span.end);
      }
    });
    const assigned = assignedSecret(line, assignments);
    if (assigned !== undefined && !spans.some(({ start, end }) => start < assigned.end && end > assigned.start)) {
      spans.push(assigned);
    }
    return spans.length < 2 ? spans : mergeSpans(spans);
  }
}
