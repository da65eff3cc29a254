import type { Span } from "../model/words.js";
import type { LinesView } from "./lines-view.js";

/** A stretch of a run's text that has a colour. `name`: `word-old`, `word-new`, or a kind of token as colours.ts names it. */
export interface Token extends Span {
  name: string;
}

/**
 * Colours stretches of text without an element for each (CSS custom highlights): a diff of 80,000 lines stays as many nodes
 * as it was. Where a browser has none, the diff has the colours of its lines and no others.
 */
export class Highlights {
  readonly #ranges = new Map<LinesView, { name: string; range: Range }[]>();
  readonly #byName = new Map<string, Highlight>();

  static get isSupported(): boolean {
    return typeof Highlight === "function" && "highlights" in CSS;
  }

  /** Colours a run of lines; what it had before goes. */
  set(lines: LinesView, tokens: readonly Token[]): void {
    this.delete(lines);
    const length = lines.code.data.length;
    const ranges = tokens
      .filter(({ end }) => end <= length)
      .flatMap(({ name, start, end }) =>
        lines.texts.map((text) => {
          const range = new Range();
          range.setStart(text, start);
          range.setEnd(text, end);
          this.#highlight(name).add(range);
          return { name, range };
        }),
      );
    this.#ranges.set(lines, ranges);
  }

  has(lines: LinesView): boolean {
    return this.#ranges.has(lines);
  }

  delete(lines: LinesView): void {
    for (const { name, range } of this.#ranges.get(lines) ?? []) this.#byName.get(name)?.delete(range);
    this.#ranges.delete(lines);
  }

  #highlight(name: string): Highlight {
    let highlight = this.#byName.get(name);
    if (highlight === undefined) {
      highlight = new Highlight();
      highlight.priority = name.startsWith("word-") ? 1 : 0;
      this.#byName.set(name, highlight);
      CSS.highlights.set(name, highlight);
    }
    return highlight;
  }
}
