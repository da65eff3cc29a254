import type { DiffView } from "./diff-view.js";
import { changeText, element, syncChildren } from "./dom.js";
import type { FileView } from "./file-view.js";

/** One line of the list. */
interface Entry {
  element: HTMLElement;
  show(file: FileView): void;
}

/** The list of files beside the diff: by tree and directory, with counts; typing filters it. */
export class FileList {
  readonly element: HTMLElement;
  readonly filter = element("input", { type: "search", placeholder: "Filter files", "aria-label": "Filter files" });
  readonly #list = element("div", { class: "file-list" });
  readonly #diff: DiffView;
  readonly #entries = new WeakMap<FileView, Entry>();
  readonly #groups = new Map<string, HTMLDetailsElement>();
  readonly #onChosen: (file: FileView) => void;

  constructor(diff: DiffView, onChosen: (file: FileView) => void) {
    this.#diff = diff;
    this.#onChosen = onChosen;
    this.element = element("nav", { class: "files", "aria-label": "Files" }, this.filter, this.#list);
    this.filter.addEventListener("input", () => this.update());
  }

  /** Shows the files as they are now. */
  update(): void {
    const wanted = this.filter.value.trim().toLowerCase();
    const groups: HTMLDetailsElement[] = [];
    const several = this.#diff.trees.length > 1;
    for (const tree of this.#diff.trees) {
      const folders = new Map<string, HTMLElement[]>();
      for (const file of tree.files) {
        const isShown = wanted === "" || file.path.toLowerCase().includes(wanted);
        file.setFiltered(!isShown);
        if (!isShown) continue;
        const folder = file.path.includes("/") ? file.path.slice(0, file.path.lastIndexOf("/")) : "";
        const entry = this.#entry(file);
        entry.show(file);
        const entries = folders.get(folder) ?? [];
        entries.push(entry.element);
        folders.set(folder, entries);
      }
      const base = several ? `${tree.root.split("/").at(-1)}/` : "";
      for (const [folder, entries] of folders) {
        const group = this.#group(`${tree.root}\n${folder}`, base + folder);
        syncChildren(group, entries, group.firstElementChild?.nextElementSibling ?? null);
        groups.push(group);
      }
    }
    syncChildren(this.#list, groups);
  }

  #group(name: string, title: string): HTMLDetailsElement {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = element("details", { open: "" }, element("summary", {}, title === "" ? "./" : title));
      this.#groups.set(name, group);
    }
    return group;
  }

  #entry(file: FileView): Entry {
    let entry = this.#entries.get(file);
    if (entry !== undefined) return entry;
    const name = document.createTextNode("");
    const [plus, minus] = [document.createTextNode(""), document.createTextNode("")];
    const button = element(
      "button",
      { type: "button", class: "entry" },
      element("bdi", { class: "name" }, name),
      element("span", { class: "plus" }, plus),
      element("span", { class: "minus" }, minus),
    );
    button.addEventListener("click", () => this.#onChosen(file));
    let shown: (Pick<FileView, "file" | "isViewed"> & { isFresh: boolean }) | undefined;
    entry = {
      element: button,
      show: ({ path, file, facts, isViewed, justNowCount }) => {
        const isFresh = justNowCount > 0;
        // an edit changes one file, and there may be thousands
        if (shown?.file === file && shown.isViewed === isViewed && shown.isFresh === isFresh) return;
        shown = { file, isViewed, isFresh };
        const { additions, deletions } = file;
        changeText(name, path.split("/").at(-1) || path);
        changeText(plus, additions > 0 ? `+${additions}` : "");
        changeText(minus, deletions > 0 ? `−${deletions}` : "");
        button.title = `${path} (${facts.status}${isViewed ? ", viewed" : ""})`;
        button.dataset.status = facts.status;
        button.toggleAttribute("data-viewed", isViewed);
        button.toggleAttribute("data-fresh", isFresh);
      },
    };
    this.#entries.set(file, entry);
    return entry;
  }
}
