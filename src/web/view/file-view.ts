import type { TreeFile } from "../../protocol/browser.js";
import { lacksHunks, lastLines, omittedLine } from "../../protocol/browser.js";
import { type FileFacts, factsOf } from "../model/file-facts.js";
import { imageSides } from "../model/images.js";
import { followRanges, freshRows, type RowRange } from "../model/just-now.js";
import type { WiderRows } from "../model/old-lines.js";
import { rowsOf } from "../model/rows.js";
import { fingerprint } from "../model/settings.js";
import { withoutWhitespace } from "../model/whitespace.js";
import { BodyView } from "./body-view.js";
import { CommentsView, type CommentTarget } from "./comments-view.js";
import type { DiffContext } from "./context.js";
import { changeText, element } from "./dom.js";
import { Expansion, type Wanted } from "./expansion.js";
import { ImagesView } from "./images-view.js";

/** What of a file counts for its height. */
export interface Extent {
  /** Lines of the diff. */
  rows: number;
  /** Heads of hunks, and what stands at the end as one. */
  hunkHeads: number;
  /** Rows of images, before and after. */
  images: number;
}

const HEAD_ALONE: Extent = { rows: 0, hunkHeads: 0, images: 0 };

/** One file of a tree: its head, which sticks to the top, and its hunks. */
export class FileView {
  readonly element: HTMLElement;
  readonly root: string;
  /** Called when {@link extent} has changed, perhaps. */
  onExtent: () => void = () => undefined;
  readonly #context: DiffContext;
  readonly #path = document.createTextNode("");
  readonly #from = document.createTextNode("");
  readonly #counts = element("span", { class: "counts" });
  readonly #notes = element("span", { class: "notes" });
  readonly #fresh = element("span", { class: "fresh" });
  readonly #notice = element("p", { class: "notice" });
  readonly #viewedBox: HTMLInputElement;
  readonly #fold: HTMLButtonElement;
  #file: TreeFile;
  /** What its tree is compared with (model/comparing.ts). */
  #comparison: string;
  #facts: FileFacts;
  #body: BodyView | undefined;
  readonly #expansion: Expansion;
  /** Of a file that is one. */
  #images: ImagesView | undefined;
  #isNear = false;
  #fingerprint = "";
  #justNow: RowRange[] = [];
  readonly #comments: CommentsView;
  #extent = HEAD_ALONE;
  #justNowEnd: ReturnType<typeof setTimeout> | undefined;

  constructor(root: string, file: TreeFile, comparison: string, context: DiffContext) {
    this.root = root;
    this.#file = file;
    this.#comparison = comparison;
    this.#facts = factsOf(file);
    this.#context = context;
    this.#expansion = new Expansion(file.header, (oid, from, to) =>
      context.linesOf({ root, key: this.#file.key, side: "old", oid }, from, to),
    );
    this.#fold = element("button", { type: "button", class: "fold", "data-action": "collapse" });
    this.#viewedBox = element("input", { type: "checkbox", "data-action": "viewed" });
    const copy = element(
      "button",
      { type: "button", class: "quiet", "data-action": "copy-path", title: "Copy the path" },
      "Copy",
    );
    const name = element("h3", {}, element("span", { class: "from" }, this.#from), element("bdi", {}, this.#path));
    const head = element(
      "header",
      { class: "file-head" },
      this.#fold,
      name,
      copy,
      this.#notes,
      this.#fresh,
      this.#counts,
      element("label", { class: "viewed" }, this.#viewedBox, "Viewed"),
    );
    this.element = element("section", { class: "file", tabindex: "-1" }, head, this.#notice);
    const { key, path } = file;
    this.#comments = new CommentsView(context.comments, { root, key, path }, () => {
      this.#comments.update(this.#wide().rows);
      context.onComments();
    });
    this.element.append(this.#comments.element);
    this.#fold.addEventListener("click", () => this.setCollapsed(!this.isCollapsed));
    this.#viewedBox.addEventListener("change", () => this.setViewed(this.#viewedBox.checked));
    copy.addEventListener("click", () => context.copy(this.path));
    this.#showFacts();
    this.#showMarks();
    this.#showRows();
  }

  get file(): TreeFile {
    return this.#file;
  }

  get path(): string {
    return this.#file.path;
  }

  get facts(): FileFacts {
    return this.#facts;
  }

  get body(): BodyView | undefined {
    return this.#body;
  }

  /** The id of its old version. */
  get oldBlob(): string | undefined {
    return this.#expansion.blob;
  }

  get isCollapsed(): boolean {
    return this.element.hasAttribute("data-collapsed");
  }

  get isViewed(): boolean {
    return this.element.hasAttribute("data-viewed");
  }

  /** `undefined`: it is not shown. */
  get extent(): Extent | undefined {
    if (this.isFiltered) return undefined;
    return this.isCollapsed ? HEAD_ALONE : this.#images === undefined ? this.#extent : { ...HEAD_ALONE, images: 1 };
  }

  /** The filter of the list leaves it out. */
  get isFiltered(): boolean {
    return this.element.hasAttribute("data-filtered");
  }

  /** How many lines changed just now. */
  get justNowCount(): number {
    return this.#justNow.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  /**
   * Shows a newer state of the file, or the same compared with something else.
   *
   * @param isEdit it was edited just now, and not merely shown for the first time
   */
  update(file: TreeFile, comparison: string, isEdit: boolean): void {
    const before = rowsOf(this.#file.hunks);
    const after = rowsOf(file.hunks);
    if (comparison !== this.#comparison) this.#justNow = [];
    else if (file.key !== this.#file.key) this.#takeKey(file.key);
    this.#expansion.follow(before, file.header);
    this.#file = file;
    this.#comparison = comparison;
    this.#facts = factsOf(file);
    this.#showFacts();
    this.#showMarks();
    if (isEdit) this.noteEdit(before, after);
    this.#showRows();
  }

  /** Marks what an edit has brought. @param before the rows that the file had */
  noteEdit(before: readonly string[], after: readonly string[] = rowsOf(this.#file.hunks)): void {
    this.#justNow = [...followRanges(this.#justNow, before, after), ...freshRows(before, after)];
    clearTimeout(this.#justNowEnd);
    this.#justNowEnd = setTimeout(() => {
      this.#justNow = [];
      this.#showJustNow();
    }, this.#context.justNowMs);
    this.#showJustNow();
  }

  /** Settings have changed: everything is shown anew. */
  refresh(): void {
    this.#showRows();
    this.#body?.setSplit(this.#context.settings.split);
  }

  /** It has come near the screen, or left. */
  setNear(isNear: boolean): void {
    this.#isNear = isNear;
    this.#body?.setNear(isNear);
    this.#showImages();
  }

  /**
   * Asks for lines that the diff leaves out; where there are none, that is said in their place.
   *
   * @returns shows what was found; `undefined`: nothing was
   */
  async find(wanted: readonly Wanted[]): Promise<(() => void) | undefined> {
    if (this.element.hasAttribute("aria-busy")) return undefined;
    this.element.setAttribute("aria-busy", "true");
    const found = await Promise.all(wanted.map(async (each) => ({ each, answer: await this.#expansion.find(each) })));
    this.element.removeAttribute("aria-busy");
    for (const { each, answer } of found) {
      if (answer.kind === "refused") this.#body?.say(each.gap, `Not shown: ${lowerFirst(answer.why)}`);
    }
    const shows = found.flatMap(({ answer }) => (answer.kind === "lines" ? [answer.show] : []));
    if (shows.length === 0) return undefined;
    return () => {
      for (const show of shows) show();
      const focused = document.activeElement;
      this.#showRows();
      const [first] = wanted;
      if (focused === document.activeElement || first === undefined) return;
      // what had the focus is gone: whoever goes on by keyboard goes on beside it
      const next = this.#body?.controlOf(first.gap, first.wish) ?? this.element;
      next.focus({ preventScroll: true });
    };
  }

  /** Makes the hunks, if they are wanted and not there yet. */
  build(): void {
    if (this.#body !== undefined || this.isCollapsed) return;
    const wide = this.#wide();
    const { shown, end } = this.#shown(wide);
    this.#body = new BodyView(shown, end, this.#context.settings.split);
    this.#body.setNear(this.#isNear);
    this.#comments.element.before(this.#body.element);
    this.#showJustNow(wide);
  }

  setFiltered(isFiltered: boolean): void {
    if (isFiltered === this.isFiltered) return;
    this.element.toggleAttribute("data-filtered", isFiltered);
    this.onExtent();
  }

  setCollapsed(isCollapsed: boolean): void {
    this.#context.marks.setCollapsed(this.#name, isCollapsed);
    this.#showMarks();
    if (!isCollapsed) this.build();
    this.#context.onMarks(this);
  }

  setViewed(isViewed: boolean): void {
    this.#context.marks.setViewed(this.#name, isViewed ? this.#fingerprint : undefined);
    if (isViewed !== this.isCollapsed) this.#context.marks.setCollapsed(this.#name, isViewed);
    this.#showMarks();
    if (!isViewed) this.build();
    this.#context.onMarks(this);
  }

  /** Opens the box for a comment. */
  comment(target: CommentTarget): void {
    this.#comments.write(target);
  }

  /** It is shown no longer. */
  dispose(): void {
    clearTimeout(this.#justNowEnd);
    this.#images?.dispose();
    this.element.remove();
  }

  /** Under which its marks are kept: what was viewed against HEAD was not viewed against the base. */
  get #name(): string {
    return this.#nameOf(this.#file.key);
  }

  #nameOf(key: string): string {
    // a base moves on when it is fetched, and is the base still
    const name = this.#comparison.startsWith("base ") ? "base" : this.#comparison;
    return name === "head" ? `${this.root}\n${key}` : `${this.root}\n${key}\n${name}`;
  }

  /** It was untracked and is no longer: what the reader has done with it stays. */
  #takeKey(key: string): void {
    this.#context.marks.rename(this.#name, this.#nameOf(key));
  }

  /** Its rows as they came, and with what was asked for around the hunks. */
  #wide(): WiderRows & { raw: readonly string[] } {
    const raw = rowsOf(this.#file.hunks);
    return { ...this.#expansion.widen(raw), raw };
  }

  /** What is on the screen of it, by the settings, and what is left out at its end. */
  #shown({ rows, raw }: WiderRows & { raw: readonly string[] }) {
    const shown = this.#context.settings.whitespace === "hidden" ? withoutWhitespace(rows) : rows;
    return { shown, end: this.#expansion.gapBehind(raw, shown) };
  }

  #showRows(): void {
    const wide = this.#wide();
    const { shown, end } = this.#shown(wide);
    this.#comments.update(wide.rows);
    this.#body?.update(shown, end, this.#context.settings.split);
    const heads = shown.filter((row) => row.startsWith("@")).length;
    const bars = end.to === undefined || end.from < end.to ? 1 : 0;
    const [rows, hunkHeads] = [shown.length - heads, shown.length === 0 ? 0 : heads + bars];
    this.#extent = { rows, hunkHeads, images: 0 };
    this.element.style.setProperty("--rows", String(rows));
    this.element.style.setProperty("--heads", String(hunkHeads));
    this.onExtent();
    this.#showJustNow(wide);
  }

  #showFacts(): void {
    const { path, additions, deletions, header, hunks } = this.#file;
    const { status, from, notes, isUntracked } = this.#facts;
    this.#fingerprint = fingerprint(header + hunks);
    const data = { path, status, additions: String(additions), deletions: String(deletions) };
    for (const [name, value] of Object.entries(data)) this.element.setAttribute(`data-${name}`, value);
    // of a commit's own diff it would be said of every file
    const isCommitted = this.#file.committed === true && !this.#comparison.startsWith("commit ");
    this.element.toggleAttribute("data-committed", isCommitted);
    const end = isCommitted ? ", committed" : "";
    this.element.setAttribute("aria-label", `${path}, ${status}, ${additions} added, ${deletions} removed${end}`);
    changeText(this.#path, path);
    changeText(this.#from, from === undefined ? "" : `${from} → `);
    this.#counts.replaceChildren(
      element("span", { class: "plus" }, `+${additions}`),
      element("span", { class: "minus" }, `−${deletions}`),
    );
    const words = [...(status === "modified" ? [] : [status]), ...(isUntracked ? ["untracked"] : []), ...notes];
    if (isCommitted) words.push("committed");
    this.#notes.replaceChildren(...words.map((word) => element("span", { class: "note" }, word)));
    const notice = lacksHunks(this.#file) ? omittedLine(this.#file.omitted_bytes) : lastLines(this.#file);
    this.#notice.textContent = this.#file.omitted_files === undefined ? notice.trim() : header.trim();
    this.#notice.hidden = this.#notice.textContent === "";
  }

  #showMarks(): void {
    const { marks } = this.#context;
    const isViewed = marks.isViewed(this.#name, this.#fingerprint);
    // what was viewed and has changed since is open again
    if (!isViewed && marks.wasViewed(this.#name)) {
      marks.setViewed(this.#name, undefined);
      marks.setCollapsed(this.#name, false);
    }
    const isCollapsed = marks.isCollapsed(this.#name);
    this.element.toggleAttribute("data-viewed", isViewed);
    this.element.toggleAttribute("data-collapsed", isCollapsed);
    this.#viewedBox.checked = isViewed;
    this.#fold.setAttribute("aria-expanded", String(!isCollapsed));
    this.#fold.setAttribute("aria-label", `${isCollapsed ? "Open" : "Collapse"} ${this.path}`);
    this.#fold.textContent = isCollapsed ? "▸" : "▾";
    if (this.#body !== undefined) this.#body.element.hidden = isCollapsed;
    this.#showImages();
  }

  #showImages(): void {
    const sides = imageSides(this.#file);
    this.element.toggleAttribute("data-image", sides !== undefined);
    if (sides === undefined) {
      this.#images?.dispose();
      this.#images?.element.remove();
      this.#images = undefined;
      this.onExtent();
      return;
    }
    this.#images ??= new ImagesView(this.path, (side, oid) =>
      this.#context.imageOf({ root: this.root, key: this.#file.key, side, oid }),
    );
    if (!this.#images.element.isConnected) this.#notice.after(this.#images.element);
    this.#images.update(sides, this.#isNear && !this.isCollapsed);
    this.onExtent();
  }

  #showJustNow(wide?: WiderRows): void {
    const isExact = this.#context.settings.whitespace === "shown";
    if (!isExact || this.#justNow.length === 0) this.#body?.mark([]);
    else {
      const { places } = wide ?? this.#wide();
      const place = (row: number) => places?.[row] ?? row;
      // a range lies within one hunk, whose rows stay together
      this.#body?.mark(this.#justNow.map(({ from, to }) => ({ from: place(from), to: place(to - 1) + 1 })));
    }
    const count = this.justNowCount;
    if (count > 0) this.element.setAttribute("data-just-now-count", String(count));
    else this.element.removeAttribute("data-just-now-count");
    this.#fresh.textContent = count === 0 ? "" : `${count} ${count === 1 ? "line" : "lines"} just now`;
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
