import type { WatchedTree } from "../../client/index.js";
import type { TreeFile, TreeMeta } from "../../protocol/browser.js";
import { comparisonName, comparisonWords } from "../model/comparing.js";
import { regroup } from "../model/grouping.js";
import type { DiffContext } from "./context.js";
import { changeText, element, syncChildren } from "./dom.js";
import { FileGroup } from "./file-group.js";
import { FileView } from "./file-view.js";

/** What an update has changed in a tree. */
export interface TreeChanges {
  /** Files that were edited, or have come. */
  edited: FileView[];
  /** The tree is compared with something else than before: nobody has edited these files. */
  isSwitch: boolean;
}

/** One working tree: its head, and its files in the order of the diff. */
export class TreeView {
  readonly element: HTMLElement;
  readonly root: string;
  readonly #context: DiffContext;
  readonly #head: HTMLElement;
  readonly #branch = document.createTextNode("");
  readonly #counts = document.createTextNode("");
  readonly #compared = element("span", { class: "compared" });
  readonly #healthText = document.createTextNode("");
  readonly #health = element("p", { class: "notice", role: "status" }, this.#healthText);
  readonly #cleanText = document.createTextNode("");
  readonly #clean = element("p", { class: "clean" }, this.#cleanText);
  readonly #files = new Map<string, FileView>();
  readonly #views = new WeakMap<Element, FileView>();
  #inOrder: readonly FileView[] = [];
  #groups: readonly FileGroup[] = [];
  /** What it is compared with; `undefined` before the first state. */
  #comparison: string | undefined;

  constructor(root: string, context: DiffContext) {
    this.root = root;
    this.#context = context;
    const name = root.split("/").at(-1) || root;
    this.#head = element(
      "header",
      { class: "tree-head" },
      element("h2", { title: root }, name),
      element("span", { class: "branch" }, this.#branch),
      element("span", { class: "tree-counts" }, this.#counts),
      this.#compared,
    );
    this.element = element(
      "section",
      { class: "tree", "data-root": root, "aria-label": root },
      this.#head,
      this.#health,
      this.#clean,
    );
  }

  /** In the order of the diff. */
  get files(): readonly FileView[] {
    return this.#inOrder;
  }

  /** What the files are in, from top to bottom. */
  get groups(): readonly FileGroup[] {
    return this.#groups;
  }

  fileOf(section: Element): FileView | undefined {
    return this.#views.get(section);
  }

  update({ meta, files }: Pick<WatchedTree, "meta" | "files">): TreeChanges {
    this.#showMeta(meta, files);
    const comparison = comparisonName(meta);
    const changes: TreeChanges = { edited: [], isSwitch: this.#comparison !== comparison };
    this.#comparison = comparison;
    this.#followAdded(files);
    const keys = new Set(files.map(({ key }) => key));
    const gone: FileView[] = [];
    for (const [key, view] of this.#files) {
      if (keys.has(key)) continue;
      this.#files.delete(key);
      gone.push(view);
    }
    const before = this.#inOrder;
    this.#inOrder = files.map((file) => {
      const view = this.#files.get(file.key);
      if (view === undefined) {
        const made = this.#add(file, comparison, !changes.isSwitch);
        changes.edited.push(made);
        return made;
      }
      if (view.file !== file || changes.isSwitch) {
        const isSame = view.file.hunks === file.hunks && view.file.header === file.header;
        view.update(file, comparison, !isSame && !changes.isSwitch);
        if (!isSame) changes.edited.push(view);
      }
      return view;
    });
    // an edit changes one file, and there may be thousands
    const isSameList = before.length === files.length && before.every((view, at) => view === this.#inOrder[at]);
    if (!isSameList) this.#group();
    for (const view of gone) view.dispose();
    return changes;
  }

  /** Shows the files that there are now, each in the group that it was in, as far as that goes. */
  #group(): void {
    const groupOf = new Map(this.#groups.flatMap((group) => group.files.map((file) => [file, group])));
    const [focused, selected] = [document.activeElement, getSelection()?.anchorNode ?? null];
    // a browser that moves an element forgets what is selected and focused in it
    const isHeld = ({ element: section }: FileView) => section.contains(focused) || section.contains(selected);
    const grouped = regroup(this.#inOrder, this.#groups, (file) => groupOf.get(file), isHeld);
    this.#groups = grouped.map(({ group = new FileGroup(), items }) => {
      group.show(items);
      return group;
    });
    syncChildren(
      this.element,
      this.#groups.map((group) => group.element),
      this.#clean.nextElementSibling,
    );
  }

  /** An untracked file that was added to the index or committed has another key, and is the same file. */
  #followAdded(files: readonly TreeFile[]): void {
    const keys = new Set(files.map(({ key }) => key));
    for (const { key } of files) {
      const before = key.replace(/^(\d*)t:/, "$1u:");
      const view = keys.has(before) || this.#files.has(key) ? undefined : this.#files.get(before);
      if (view === undefined) continue;
      this.#files.delete(before);
      this.#files.set(key, view);
    }
  }

  #add(file: TreeFile, comparison: string, isEdit: boolean): FileView {
    const view = new FileView(this.root, file, comparison, this.#context);
    this.#files.set(file.key, view);
    this.#views.set(view.element, view);
    if (isEdit) view.noteEdit([]);
    return view;
  }

  #showMeta(meta: TreeMeta, files: readonly TreeFile[]): void {
    const { branch, head, health, too_large_bytes: tooLarge } = meta;
    const { compared, clean } = comparisonWords(meta);
    if (this.#compared.textContent !== compared) this.#compared.textContent = compared;
    changeText(this.#cleanText, clean);
    changeText(
      this.#branch,
      branch === "" ? (head === "" ? "no commits" : `detached at ${head.slice(0, 10)}`) : branch,
    );
    const additions = files.reduce((sum, file) => sum + file.additions, 0);
    const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
    const count = `${files.length} ${files.length === 1 ? "file" : "files"}`;
    changeText(this.#counts, files.length === 0 ? "" : `${count}  +${additions} −${deletions}`);
    const notice = tooLarge > 0 ? "The diff is too large to show; branch and remote only." : health;
    changeText(this.#healthText, notice);
    this.#health.hidden = notice === "";
    this.#clean.hidden = files.length > 0 || tooLarge > 0;
  }
}
