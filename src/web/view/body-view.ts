import { type Block, blocksOf } from "../model/blocks.js";
import type { RowRange } from "../model/just-now.js";
import { commonRows } from "../model/rows.js";
import { BlockView } from "./block-view.js";
import { element, syncChildren } from "./dom.js";
import type { LinesView } from "./lines-view.js";

/** The hunks of a file on the screen. What an edit leaves as it was stays the same elements. */
export class BodyView {
  readonly element = element("div", { class: "body" });
  readonly #inner = element("div", { class: "inner" });
  #rows: readonly string[];
  #views: BlockView[];

  constructor(rows: readonly string[], isSplit: boolean) {
    this.#rows = rows;
    this.#views = blocksOf(rows).map((block) => new BlockView(block, isSplit));
    this.#inner.append(...this.#views.map((view) => view.element));
    this.element.append(this.#inner);
  }

  get rows(): readonly string[] {
    return this.#rows;
  }

  get blocks(): readonly BlockView[] {
    return this.#views;
  }

  update(rows: readonly string[], isSplit: boolean): void {
    const { prefix, suffix } = commonRows(this.#rows, rows);
    const blocks = blocksOf(rows);
    const before = this.#views;
    const isWithin = ({ row }: Block, next: Block | undefined, end: number) =>
      (next?.row ?? end) <= prefix && row < prefix;
    let first = 0;
    while (
      first < Math.min(blocks.length, before.length) &&
      isWithin(blocks[first] as Block, blocks[first + 1], rows.length) &&
      isWithin((before[first] as BlockView).block, before[first + 1]?.block, this.#rows.length)
    ) {
      first += 1;
    }
    let last = 0;
    while (
      last < Math.min(blocks.length, before.length) - first &&
      (blocks[blocks.length - 1 - last] as Block).row >= rows.length - suffix &&
      (before[before.length - 1 - last] as BlockView).block.row >= this.#rows.length - suffix
    ) {
      last += 1;
    }
    const between = matched(before.slice(first, before.length - last), blocks.slice(first, blocks.length - last));
    this.#views = blocks.map((block, at) => {
      const isOfEnd = at >= blocks.length - last;
      const old = isOfEnd ? before[at - blocks.length + before.length] : at < first ? before[at] : between[at - first];
      if (old === undefined) return new BlockView(block, isSplit);
      old.update(block, isSplit);
      return old;
    });
    this.#rows = rows;
    syncChildren(
      this.#inner,
      this.#views.map((view) => view.element),
    );
  }

  setSplit(isSplit: boolean): void {
    for (const view of this.#views) view.setSplit(isSplit);
  }

  mark(ranges: readonly RowRange[]): void {
    for (const view of this.#views) view.mark(ranges);
  }

  /** Where a row is on the screen. @returns the run that it is in, and which of its lines it is */
  placeOf(row: number): { element: Element; line: number } | undefined {
    const view = this.#views.findLast(({ block }) => block.row <= row);
    if (view === undefined) return undefined;
    let at = view.block.row;
    for (const lines of view.lines) {
      if (row < at + lines.count) return { element: lines.element, line: row - at };
      at += lines.count;
    }
    return { element: view.element, line: 0 };
  }

  /** @returns the row of a line of a run, or of a hunk's head */
  rowOf(target: Element, line: number): number | undefined {
    const view = this.#views.find(({ element: outer }) => outer === target || outer.contains(target));
    if (view === undefined) return undefined;
    let row = view.block.row;
    for (const lines of view.lines) {
      if (lines.element === target) return row + Math.max(0, Math.min(line, lines.count - 1));
      row += lines.count;
    }
    return view.block.row;
  }

  /** The run of lines whose code a node is, and the number of its first line. */
  linesAt(code: Node): { lines: LinesView; start: number } | undefined {
    const lines = this.#views.flatMap((view) => view.lines).find((each) => each.code === code);
    return lines === undefined ? undefined : { lines, start: lines.start };
  }

  /** All runs of lines, hunk by hunk. */
  hunks(): LinesView[][] {
    const hunks: LinesView[][] = [];
    for (const { block, lines } of this.#views) {
      if (block.kind === "hunk" || hunks.length === 0) hunks.push([]);
      hunks.at(-1)?.push(...lines);
    }
    return hunks;
  }
}

/** More blocks than that are matched by their order alone. */
const MOST_MATCHED = 100;

/**
 * For each of the new blocks, the one on the screen that has most in common with it: there, what is selected stays so.
 *
 * @param views in order
 * @returns each view at most once, in order; `undefined` for a block that is new
 */
function matched(views: readonly BlockView[], blocks: readonly Block[]): (BlockView | undefined)[] {
  const isFew = views.length <= MOST_MATCHED && blocks.length <= MOST_MATCHED;
  const lines = views.map(({ block }) => new Set(linesOf(block)));
  let next = 0;
  return blocks.map((block, at) => {
    if (!isFew) return views[at]?.block.kind === block.kind ? views[at] : undefined;
    const wanted = linesOf(block);
    const found = views.findIndex(
      (view, place) =>
        place >= next && view.block.kind === block.kind && wanted.some((line) => lines[place]?.has(line) === true),
    );
    if (found < 0) return undefined;
    next = found + 1;
    return views[found];
  });
}

function linesOf(block: Block): string[] {
  if (block.kind === "hunk") return [block.heading];
  const sides = block.kind === "same" ? [block.lines] : [block.old, block.new];
  return sides.flatMap((side) => side?.text.split("\n") ?? []);
}
