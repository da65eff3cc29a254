import type { Snapshot } from "../../client/index.js";
import { followRow } from "../model/rows.js";
import { holdPlace, releaseSpacer } from "./anchor.js";
import type { DiffContext } from "./context.js";
import { element, syncChildren } from "./dom.js";
import type { Wanted, Wish } from "./expansion.js";
import type { FileView } from "./file-view.js";
import { Nearness } from "./nearness.js";
import { Painter } from "./painting/painter.js";
import { TreeView } from "./tree-view.js";

/** A diff that is larger has its files built when they come near the screen, and not at once. UTF-16 units. */
const MOST_UNITS_AT_ONCE = 6 * 1024 * 1024;

/** All trees of a chat in one scroll, live. */
export class DiffView {
  readonly element = element("div", { class: "diff" });
  readonly #context: DiffContext;
  readonly #spacer = element("div", { class: "spacer", "aria-hidden": "true" });
  readonly #trees = new Map<string, TreeView>();
  readonly #painter = new Painter();
  readonly #nearness: Nearness;
  readonly #onEdits: (edited: readonly FileView[]) => void;
  #isFirst = true;
  #isLarge = false;

  /** @param onEdits told of the files that an update has brought or changed, but not of those that were there at first */
  constructor(context: DiffContext, onEdits: (edited: readonly FileView[]) => void) {
    this.#context = context;
    this.#onEdits = onEdits;
    this.#nearness = new Nearness((file, isNear) => {
      if (isNear) this.build(file);
      file.setNear(isNear);
      this.#painter.setNear(file, isNear);
    });
    this.element.append(this.#spacer);
    window.addEventListener("scrollend", () => releaseSpacer(this.#spacer));
    this.element.addEventListener("click", ({ target }) => {
      const control = target instanceof Element ? target.closest("[data-action=expand-context]") : null;
      const file = control === null ? undefined : this.fileAt(control);
      const place = control === null ? undefined : file?.body?.gapOf(control);
      const wish = control?.getAttribute("data-expand") as Wish | null | undefined;
      if (file !== undefined && place !== undefined && wish != null) void this.#expand(file, [{ ...place, wish }]);
    });
  }

  /** From top to bottom. */
  get trees(): readonly TreeView[] {
    return [...this.#trees.values()];
  }

  /** From top to bottom. */
  get files(): FileView[] {
    return this.trees.flatMap((tree) => tree.files);
  }

  /** Not all of it is on the page: the browser's own search would miss some. */
  get isPartial(): boolean {
    return this.#isLarge;
  }

  /** The file that an element is in. */
  fileAt(within: Element): FileView | undefined {
    const section = within.closest(".file");
    const root = within.closest(".tree")?.getAttribute("data-root");
    return section === null || root == null ? undefined : this.#trees.get(root)?.fileOf(section);
  }

  update({ trees }: Pick<Snapshot, "trees">): void {
    const units = [...trees.values()]
      .flatMap(({ files }) => files)
      .reduce((sum, { header, hunks }) => sum + header.length + hunks.length, 0);
    this.#isLarge = units > MOST_UNITS_AT_ONCE;
    const edited: FileView[] = [];
    this.change(() => {
      for (const [root, tree] of this.#trees) {
        if (trees.has(root)) continue;
        for (const file of tree.files) file.dispose();
        this.#trees.delete(root);
      }
      for (const root of [...trees.keys()].sort()) {
        const tree = trees.get(root);
        if (tree !== undefined) edited.push(...this.#updateTree(root, tree));
      }
      const sorted = [...this.#trees.values()].sort((a, b) => (a.root < b.root ? -1 : 1));
      syncChildren(
        this.element,
        sorted.map((tree) => tree.element),
        this.#spacer.nextElementSibling,
      );
      this.#nearness.follow(sorted.flatMap(({ groups }) => groups));
    });
    if (!this.#isFirst) this.#onEdits(edited);
    this.#isFirst = false;
  }

  /** Shows everything by the settings as they are now. */
  refresh(): void {
    this.change(() => {
      for (const file of this.files) {
        file.refresh();
        this.#painter.repaint(file, true);
      }
    });
  }

  /** Makes a file's hunks, when they are not there yet. */
  build(file: FileView): void {
    if (file.body !== undefined || file.isCollapsed) return;
    file.build();
  }

  /** Shows more lines before and behind a hunk. @param y where the hunk is on the screen, in CSS pixels from the top */
  expandAround(file: FileView, y: number): void {
    const { above, below } = file.body?.gapsAround(y) ?? {};
    const wanted: Wanted[] = [];
    if (above !== undefined) wanted.push({ gap: above, wish: "up", heading: "" });
    if (below !== undefined) wanted.push({ gap: below, wish: "down", heading: "" });
    void this.#expand(
      file,
      wanted.filter(({ gap: { from, to } }) => to === undefined || from < to),
    );
  }

  /** The first of the gaps stays in its place, where it is on the screen: what was asked for is beside where it was asked. */
  async #expand(file: FileView, wanted: readonly Wanted[]): Promise<void> {
    const show = wanted.length === 0 ? undefined : await file.find(wanted);
    const [first] = wanted;
    if (show === undefined || first === undefined || !file.element.isConnected) return;
    const held = () => file.body?.topOfGap(first.gap);
    const top = held() ?? -1;
    this.change(show, top >= 0 && top < window.innerHeight ? held : undefined);
    this.#painter.repaint(file);
  }

  /** Changes something on the page while the line that is read stays where it is, or what is held in its stead. */
  change(change: () => void, held?: () => number | undefined): void {
    if (this.#isFirst) {
      change();
      return;
    }
    const scene = {
      fileAt: (each: Element) => this.fileAt(each),
      follow: followRow,
      spacer: this.#spacer,
    };
    holdPlace(scene, change, held);
  }

  #updateTree(root: string, state: Parameters<TreeView["update"]>[0]): FileView[] {
    let tree = this.#trees.get(root);
    const isNew = tree === undefined;
    tree ??= new TreeView(root, this.#context);
    this.#trees.set(root, tree);
    const { edited, isSwitch } = tree.update(state);
    for (const file of edited) {
      if (!this.#isLarge) this.build(file);
      this.#painter.repaint(file);
    }
    return isNew || isSwitch ? [] : edited;
  }
}
