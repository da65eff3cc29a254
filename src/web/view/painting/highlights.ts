import type { Span } from "../../model/words.js";
import { commonEnds } from "../dom.js";
import type { LinesView } from "../lines-view.js";

/** A stretch of a run's text that has a colour. `name`: `word-old`, `word-new`, or a kind of token as colours.ts names it. */
export interface Token extends Span {
  name: string;
}

/** A run that is coloured: for which text, and how. */
interface Coloured {
  text: string;
  tokens: readonly Token[];
  ranges: { name: string; range: StaticRange }[];
}

/**
 * Colours stretches of text without an element for each (CSS custom highlights): a diff of 80,000 lines stays as many nodes
 * as it was. Where a browser has none, the diff has the colours of its lines and no others.
 *
 * The ranges follow no edit by themselves: of those that do, a browser asks every one at each change of the page.
 */
export class Highlights {
  readonly #coloured = new Map<LinesView, Coloured>();
  readonly #byName = new Map<string, Highlight>();

  static get isSupported(): boolean {
    return typeof Highlight === "function" && "highlights" in CSS;
  }

  /** Colours a run of lines; what it had before goes. */
  set(lines: LinesView, tokens: readonly Token[]): void {
    this.delete(lines);
    const text = lines.code.data;
    const ranges = tokens
      .filter(({ end }) => end <= text.length)
      .flatMap(({ name, start: startOffset, end: endOffset }) =>
        lines.texts.map((node) => {
          const range = new StaticRange({ startContainer: node, startOffset, endContainer: node, endOffset });
          this.#highlight(name).add(range);
          return { name, range };
        }),
      );
    this.#coloured.set(lines, { text, tokens, ranges });
  }

  /** A run was edited, perhaps: what it has in common with what was there keeps its colours. */
  follow(lines: LinesView): void {
    const { text: before, tokens } = this.#coloured.get(lines) ?? {};
    const after = lines.code.data;
    if (before === undefined || tokens === undefined || before === after) return;
    const { prefix, suffix } = commonEnds(before, after);
    const shift = after.length - before.length;
    this.set(
      lines,
      tokens.flatMap((token) => {
        if (token.end <= prefix) return token;
        if (token.start < before.length - suffix) return [];
        return { ...token, start: token.start + shift, end: token.end + shift };
      }),
    );
  }

  delete(lines: LinesView): void {
    for (const { name, range } of this.#coloured.get(lines)?.ranges ?? []) this.#byName.get(name)?.delete(range);
    this.#coloured.delete(lines);
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
