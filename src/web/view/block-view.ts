import { type Block, heightOf, type Lines } from "../model/blocks.js";
import type { RowRange } from "../model/just-now.js";
import { changeText, element } from "./dom.js";
import { LinesView } from "./lines-view.js";

/** A block of a file's diff on the screen: a hunk's head, unchanged lines, or a change with its two sides. */
export class BlockView {
  readonly element: HTMLElement;
  #block: Block;
  #head: { range: Text; heading: Text } | undefined;
  #views: LinesView[] = [];

  constructor(block: Block, isSplit: boolean) {
    this.#block = block;
    this.element = element("div", { class: block.kind === "hunk" ? "hunk" : `block ${block.kind}` });
    if (block.kind === "hunk") {
      const [range, heading] = [document.createTextNode(""), document.createTextNode("")];
      this.element.append(element("span", { class: "range" }, range), element("span", { class: "heading" }, heading));
      this.#head = { range, heading };
    } else if (block.kind === "same") {
      this.#add(new LinesView("same", block.lines, block.oldStart, isSplit));
    } else {
      if (block.old !== undefined) this.#add(new LinesView("old", block.old, 0, isSplit));
      if (block.new !== undefined) this.#add(new LinesView("new", block.new, 0, isSplit));
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

  /** Whether {@link update} can show that block here. */
  fits(block: Block): boolean {
    if (block.kind !== this.#block.kind) return false;
    if (block.kind !== "change" || this.#block.kind !== "change") return true;
    const sides = ({ old, new: added }: { old: Lines | undefined; new: Lines | undefined }) =>
      `${old !== undefined} ${added !== undefined}`;
    return sides(block) === sides(this.#block);
  }

  update(block: Block, isSplit: boolean): void {
    this.#block = block;
    this.#show(block, isSplit);
  }

  setSplit(isSplit: boolean): void {
    for (const view of this.#views) view.setSplit(isSplit);
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

  #add(view: LinesView): void {
    this.#views.push(view);
    this.element.append(view.element);
  }

  #show(block: Block, isSplit: boolean): void {
    this.element.style.setProperty("--height", String(heightOf(block)));
    if (block.kind === "hunk" && this.#head !== undefined) {
      changeText(this.#head.range, `−${block.oldStart} +${block.newStart}`);
      changeText(this.#head.heading, block.heading);
    } else if (block.kind === "same") {
      this.#views[0]?.update(block.lines, block.oldStart, isSplit);
    } else if (block.kind === "change") {
      const sides = [block.old, block.new].filter((lines) => lines !== undefined);
      for (const [at, lines] of sides.entries()) this.#views[at]?.update(lines, 0, isSplit);
    }
  }
}
