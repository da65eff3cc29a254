import { element, syncChildren } from "./dom.js";
import type { FileView } from "./file-view.js";

/**
 * Files that follow each other. The browser leaves out a group that is away from the screen as one: of thousands of files, it
 * would ask each in every frame whether it has come near.
 */
export class FileGroup {
  readonly element = element("div", { class: "group" });
  #files: readonly FileView[] = [];
  #height = "";

  /** From top to bottom. */
  get files(): readonly FileView[] {
    return this.#files;
  }

  /** Shows these files, and no others. */
  show(files: readonly FileView[]): void {
    this.#files = files;
    for (const file of files) file.onExtent = () => this.#measure();
    syncChildren(
      this.element,
      files.map((file) => file.element),
    );
    this.#measure();
  }

  /** Says how high it is while it is left out: what was edited in it out of sight has another height. */
  #measure(): void {
    let [heads, rows, hunks, images] = [0, 0, 0, 0];
    for (const { extent } of this.#files) {
      if (extent === undefined) continue;
      heads += 1;
      rows += extent.rows;
      hunks += extent.hunkHeads;
      images += extent.images;
    }
    // as styles.css has them; a file has a line above its head
    const height = `calc(${heads} * (var(--file-head) + 1px) + ${rows} * var(--row) + ${hunks} * var(--head) + ${images} * var(--images))`;
    if (height === this.#height) return;
    this.#height = height;
    this.element.style.containIntrinsicHeight = height;
  }
}
