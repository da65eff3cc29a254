import { type Block, heightsOf, type Lines } from "../model/blocks.js";
import type { RowRange } from "../model/just-now.js";
import { changeText, element, syncChildren } from "./dom.js";
import { GapView } from "./gap-view.js";
import { LinesView, type Side } from "./lines-view.js";

/** A block of a file's diff on the screen: a hunk's head, unchanged lines, or a change with its two sides. */
export class BlockView {
  readonly element: HTMLElement;
  #block: Block;
  #head: { range: Text; heading: Text } | undefined;
  #views: LinesView[] = [];
  /** Of a hunk's head that is near the screen. */
  #more: GapView | undefined;

  constructor(block: Block, isSplit: boolean) {
    this.#block = block;
    this.element = element("div", { class: block.kind === "hunk" ? "hunk" : `block ${block.kind}` });
    if (block.kind === "hunk") {
      const [range, heading] = [document.createTextNode(""), document.createTextNode("")];
      this.element.append(element("span", { class: "range" }, range), element("span", { class: "heading" }, heading));
      this.#head = { range, heading };
    }
    this.#show(block, isSplit);
  }

  get block(): Block {
    return this.#block;
  }

  /** Its runs of lines, from top to bottom. */
  get lines(): readonly LinesView[] {
    return this.#views;
  }

  update(block: Block, isSplit: boolean): void {
    this.#block = block;
    this.#show(block, isSplit);
  }

  setSplit(isSplit: boolean): void {
    for (const view of this.#views) view.setSplit(isSplit);
  }

  /** Shows the controls for what is left out before a hunk: away from the screen, none of thousands are there. */
  setNear(isNear: boolean): void {
    if (this.#block.kind !== "hunk") return;
    const { gap, heading } = this.#block;
    const isEmpty = gap.to !== undefined && gap.to <= gap.from;
    if (isEmpty || (!isNear && this.#more?.element.contains(document.activeElement) === false)) {
      this.#more?.element.remove();
      this.#more = undefined;
    } else if (isNear) {
      this.#more ??= new GapView();
      if (!this.#more.element.isConnected) this.element.prepend(this.#more.element);
      this.#more.update(gap, heading);
    }
  }

  /** Says beside the controls why nothing more is shown. */
  say(words: string): void {
    this.#more?.say(words);
  }

  /** Marks the rows of the file that changed just now. */
  mark(ranges: readonly RowRange[]): void {
    let row = this.#block.row;
    for (const view of this.#views) {
      const end = row + view.count;
      const start = row;
      view.mark(
        ranges
          .filter(({ from, to }) => from < end && to > start)
          .map(({ from, to }) => ({ from: Math.max(from, start) - start, to: Math.min(to, end) - start })),
      );
      row = end;
    }
  }

  #show(block: Block, isSplit: boolean): void {
    const { unified, split } = heightsOf(block);
    this.element.style.setProperty("--height", String(unified));
    this.element.style.setProperty("--split-height", String(split));
    if (block.kind === "hunk" && this.#head !== undefined) {
      changeText(this.#head.range, `−${block.oldStart} +${block.newStart}`);
      changeText(this.#head.heading, block.heading);
    } else if (block.kind === "same") this.#showSides([["same", block.lines, block.oldStart]], isSplit);
    else if (block.kind === "change") {
      const sides: [Side, Lines | undefined, number][] = [
        ["old", block.old, 0],
        ["new", block.new, 0],
      ];
      this.#showSides(sides, isSplit);
    }
  }

  /** What stands on a side already is changed, and not made anew. */
  #showSides(sides: readonly [side: Side, lines: Lines | undefined, oldStart: number][], isSplit: boolean): void {
    const before = new Map(this.#views.map((view) => [view.side, view]));
    this.#views = sides.flatMap(([side, lines, oldStart]) => {
      if (lines === undefined) return [];
      const view = before.get(side);
      view?.update(lines, oldStart, isSplit);
      return view ?? new LinesView(side, lines, oldStart, isSplit);
    });
    const elements = this.#views.map((view) => view.element);
    syncChildren(this.element, elements);
  }
}
