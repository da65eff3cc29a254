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
  readonly code = document.createTextNode("");
  readonly #old = document.createTextNode("");
  readonly #new = document.createTextNode("");
  readonly #signs = document.createTextNode("");
  /** Beside each other, unchanged lines stand on both sides. */
  #copy: Text | undefined;
  #lines: Lines;
  #marks: HTMLElement[] = [];

  /** @param oldStart the first line's number in the old version, for `same` */
  constructor(side: Side, lines: Lines, oldStart: number, isSplit: boolean) {
    this.side = side;
    this.#lines = lines;
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
    if (side !== "same") {
      const name = side === "old" ? "removed" : "added";
      this.element.setAttribute("role", "group");
      this.element.setAttribute("aria-label", `${lines.count} ${lines.count === 1 ? "line" : "lines"} ${name}`);
    }
    this.update(lines, oldStart, isSplit);
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
    this.#lines = lines;
    const numbered = lines.lacksNewline ? lines.count - 1 : lines.count;
    const from = (start: number) => Array.from({ length: numbered }, (_, at) => start + at).join("\n");
    changeText(this.code, lines.text);
    changeText(this.#old, this.side === "new" ? "" : from(this.side === "old" ? lines.start : oldStart));
    changeText(this.#new, this.side === "old" ? "" : from(lines.start));
    changeText(this.#signs, `${SIGNS[this.side]}\n`.repeat(Math.max(0, numbered - 1)) + SIGNS[this.side]);
    this.element.style.setProperty("--rows", String(lines.count));
    this.setSplit(isSplit);
  }

  setSplit(isSplit: boolean): void {
    if (this.side !== "same") return;
    if (!isSplit) {
      this.#copy?.parentElement?.remove();
      this.#copy = undefined;
      return;
    }
    if (this.#copy === undefined) {
      this.#copy = document.createTextNode("");
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
