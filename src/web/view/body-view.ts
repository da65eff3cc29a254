import { type Block, blocksOf } from "../model/blocks.js";
import type { RowRange } from "../model/just-now.js";
import type { Gap } from "../model/old-lines.js";
import { commonRows } from "../model/rows.js";
import { BlockView } from "./block-view.js";
import { element, syncChildren } from "./dom.js";
import type { Wish } from "./expansion.js";
import { GapView } from "./gap-view.js";
import type { LinesView } from "./lines-view.js";

/** The hunks of a file on the screen. What an edit leaves as it was stays the same elements. */
export class BodyView {
  readonly element = element("div", { class: "body" });
  readonly #inner = element("div", { class: "inner" });
  #rows: readonly string[];
  #views: BlockView[];
  /** Below the last hunk, as high as the head of one. */
  readonly #end = element("div", { class: "end" });
  #endGap: Gap;
  #endMore: GapView | undefined;
  #isNear = false;

  /** @param endGap what is left out behind the last row */
  constructor(rows: readonly string[], endGap: Gap, isSplit: boolean) {
    this.#rows = rows;
    this.#endGap = endGap;
    this.#views = blocksOf(rows).map((block) => new BlockView(block, isSplit));
    this.#inner.append(...this.#views.map((view) => view.element), this.#end);
    this.element.append(this.#inner);
    this.#showGaps();
  }

  get rows(): readonly string[] {
    return this.#rows;
  }

  get blocks(): readonly BlockView[] {
    return this.#views;
  }

  update(rows: readonly string[], endGap: Gap, isSplit: boolean): void {
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
    this.#endGap = endGap;
    syncChildren(this.#inner, [...this.#views.map((view) => view.element), this.#end]);
    this.#showGaps();
  }

  /** It has come near the screen, or left. */
  setNear(isNear: boolean): void {
    this.#isNear = isNear;
    this.#showGaps();
  }

  /** What a control is for. */
  gapOf(control: Element): { gap: Gap; heading: string } | undefined {
    if (this.#end.contains(control)) return { gap: this.#endGap, heading: "" };
    return this.#gaps().find(({ element: head }) => head.contains(control));
  }

  /** What is left out before and behind the hunk at a height of the screen, in CSS pixels. */
  gapsAround(y: number): { above: Gap | undefined; below: Gap | undefined } {
    const gaps = this.#gaps();
    const at = Math.max(
      0,
      gaps.findLastIndex(({ element: head }) => head.getBoundingClientRect().top <= y),
    );
    return { above: gaps[at]?.gap, below: gaps[at + 1]?.gap ?? this.#endGap };
  }

  /** Where the place of a gap is on the screen, whether or not something is left out there still. CSS pixels from its top. */
  topOfGap(gap: Gap): number | undefined {
    const bar = this.#barOf(gap);
    if (bar !== undefined) return bar.getBoundingClientRect().top;
    const before = this.rowOfOldLine(gap.from - 1);
    return before === undefined ? undefined : this.topOf(before, 1);
  }

  /** The control that stands nearest to what was used at a gap; `undefined`: nothing is left out there any longer. */
  controlOf(gap: Gap, wish: Wish): HTMLElement | undefined {
    const [same, all] = [wish, "all"].map((each) =>
      this.#barOf(gap)?.querySelector<HTMLElement>(`[data-expand=${each}]:not([hidden])`),
    );
    return same ?? all ?? undefined;
  }

  /** Says at a gap why nothing more is shown. */
  say(gap: Gap, words: string): void {
    if (gap.to === undefined || this.#endGap.from === gap.from) this.#endMore?.say(words);
    else this.#views.find(({ block }) => block.kind === "hunk" && block.gap.to === gap.to)?.say(words);
  }

  /** Where a row is on the screen. @param offset rows further down @returns CSS pixels from its top */
  topOf(row: number, offset = 0): number | undefined {
    const place = this.placeOf(row);
    if (place === undefined) return undefined;
    const box = place.element.getBoundingClientRect();
    return box.top + (place.line + offset) * lineHeight(place.element, box);
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

  /** The number that a row has in the old version; `undefined`: it is not of that. */
  oldLineOf(row: number): number | undefined {
    const block = this.#views.findLast((view) => view.block.row <= row)?.block;
    const old = block && oldLinesOf(block);
    if (block === undefined || old === undefined || row >= block.row + old.count) return undefined;
    return old.start + row - block.row;
  }

  /** The row of a line of the old version, where it is shown. */
  rowOfOldLine(line: number): number | undefined {
    for (const { block } of this.#views) {
      const old = oldLinesOf(block);
      if (old !== undefined && line >= old.start && line < old.start + old.count) return block.row + line - old.start;
    }
    return undefined;
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

  /** The head, or the end, at which what is left of a gap is left out. */
  #barOf({ from, to }: Gap): HTMLElement | undefined {
    const isWithin = (line: number) => line >= from && line <= (to ?? Number.POSITIVE_INFINITY);
    const head = this.#views.find(({ block }) => block.kind === "hunk" && isWithin(block.oldStart))?.element;
    return head ?? (to === undefined && !this.#end.hidden ? this.#end : undefined);
  }

  #gaps(): { element: Element; gap: Gap; heading: string }[] {
    return this.#views.flatMap(({ element: head, block }) =>
      block.kind === "hunk" ? [{ element: head, gap: block.gap, heading: block.heading }] : [],
    );
  }

  #showGaps(): void {
    for (const view of this.#views) view.setNear(this.#isNear);
    const { from, to } = this.#endGap;
    this.#end.hidden = this.#rows.length === 0 || (to !== undefined && to <= from);
    if (this.#end.hidden || (!this.#isNear && !this.#end.contains(document.activeElement))) {
      this.#end.replaceChildren();
      this.#endMore = undefined;
    } else if (this.#isNear) {
      this.#endMore ??= new GapView();
      if (!this.#endMore.element.isConnected) this.#end.append(this.#endMore.element);
      this.#endMore.update(this.#endGap, "");
    }
  }
}

/** The lines of the old version that a block begins with: their numbers are those of its first rows. */
function oldLinesOf(block: Block): { start: number; count: number } | undefined {
  if (block.kind === "hunk") return undefined;
  const [lines, start] = block.kind === "same" ? [block.lines, block.oldStart] : [block.old, block.old?.start];
  if (lines === undefined || start === undefined) return undefined;
  return { start, count: lines.lacksNewline ? lines.count - 1 : lines.count };
}

/** All lines of a run are equally high. */
export function lineHeight(lines: Element, box: DOMRect): number {
  return box.height / (Number((lines as HTMLElement).style.getPropertyValue("--rows")) || 1);
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
