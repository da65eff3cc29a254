import type { Lines } from "../model/blocks.js";
import { changeText, element } from "./dom.js";

/** Which version a run of lines belongs to. */
export type Side = "same" | "old" | "new";

const SIGNS = { same: " ", old: "−", new: "+" };

/**
 * A run of lines: one text of numbers for each version, one of signs, one of code. Browsers lay such a run out many times as
 * fast as a row a line, find text in it, and copy code without its numbers.
 */
export class LinesView {
  readonly element: HTMLElement;
  readonly side: Side;
  readonly code: Text;
  readonly #old: Text;
  readonly #new: Text;
  readonly #signs: Text;
  /** Beside each other, unchanged lines stand on both sides. */
  #copy: Text | undefined;
  #lines: Lines;
  #oldStart: number;
  #marks: HTMLElement[] = [];

  /** @param oldStart the first line's number in the old version, for `same` */
  constructor(side: Side, lines: Lines, oldStart: number, isSplit: boolean) {
    this.side = side;
    this.#lines = lines;
    this.#oldStart = oldStart;
    const texts = textsOf(side, lines, oldStart);
    this.code = document.createTextNode(texts.code);
    this.#old = document.createTextNode(texts.old);
    this.#new = document.createTextNode(texts.new);
    this.#signs = document.createTextNode(texts.signs);
    const numbers = (node: Text, version: string) =>
      element("pre", { class: `number ${version}`, "aria-hidden": "true" }, node);
    this.element = element(
      "div",
      { class: `lines ${side}` },
      numbers(this.#old, "of-old"),
      numbers(this.#new, "of-new"),
      element("pre", { class: "sign", "aria-hidden": "true" }, this.#signs),
      element("pre", { class: "code" }, this.code),
    );
    if (side !== "same") this.element.setAttribute("role", "group");
    this.#showCount();
    this.setSplit(isSplit);
  }

  /** Its text wherever it stands: beside each other, unchanged lines are there twice. */
  get texts(): readonly Text[] {
    return this.#copy === undefined ? [this.code] : [this.code, this.#copy];
  }

  /** The number of its first line. */
  get start(): number {
    return this.#lines.start;
  }

  get count(): number {
    return this.#lines.count;
  }

  /** Shows other lines in the place of these. */
  update(lines: Lines, oldStart: number, isSplit: boolean): void {
    const { text, start, lacksNewline } = this.#lines;
    const isSame = text === lines.text && start === lines.start && lacksNewline === lines.lacksNewline;
    if (isSame && oldStart === this.#oldStart) return; // an edit leaves most runs of a file as they were
    this.#lines = lines;
    this.#oldStart = oldStart;
    const texts = textsOf(this.side, lines, oldStart);
    changeText(this.code, texts.code);
    changeText(this.#old, texts.old);
    changeText(this.#new, texts.new);
    changeText(this.#signs, texts.signs);
    this.#showCount();
    this.setSplit(isSplit);
  }

  #showCount(): void {
    const { count } = this.#lines;
    this.element.style.setProperty("--rows", String(count));
    if (this.side === "same") return;
    const words = `${count} ${count === 1 ? "line" : "lines"} ${this.side === "old" ? "removed" : "added"}`;
    this.element.setAttribute("aria-label", words);
  }

  setSplit(isSplit: boolean): void {
    if (this.side !== "same") return;
    if (!isSplit) {
      this.#copy?.parentElement?.remove();
      this.#copy = undefined;
      return;
    }
    if (this.#copy === undefined) {
      this.#copy = document.createTextNode(this.#lines.text);
      this.element.firstElementChild?.after(element("pre", { class: "code copy", "aria-hidden": "true" }, this.#copy));
    }
    changeText(this.#copy, this.#lines.text);
  }

  /** Marks lines that changed just now. @param ranges counted from the first line; none takes the marks away */
  mark(ranges: readonly { from: number; to: number }[]): void {
    for (const mark of this.#marks) mark.remove();
    this.#marks = ranges.map(({ from, to }) => {
      const mark = element("i", { class: "now", "aria-hidden": "true" });
      mark.style.setProperty("--from", String(from));
      mark.style.setProperty("--count", String(to - from));
      return mark;
    });
    this.element.append(...this.#marks);
    this.element.toggleAttribute("data-just-now", ranges.length > 0);
  }
}

/** The texts of a run's columns, a line each. */
function textsOf(side: Side, { text, start, count, lacksNewline }: Lines, oldStart: number) {
  const numbered = lacksNewline ? count - 1 : count;
  const from = (first: number) => Array.from({ length: numbered }, (_, at) => first + at).join("\n");
  return {
    code: text,
    old: side === "new" ? "" : from(side === "old" ? start : oldStart),
    new: side === "old" ? "" : from(start),
    signs: `${SIGNS[side]}\n`.repeat(Math.max(0, numbered - 1)) + SIGNS[side],
  };
}
