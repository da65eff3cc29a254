import type { FileGroup } from "./file-group.js";
import type { FileView } from "./file-view.js";

/** So far beyond the screen, a file is near. */
const NEAR = "600px 0px";
/** A group that is farther away is followed as one. */
const GROUP_NEAR = "1200px 0px";

/** Tells which files are near the screen, of however many. */
export class Nearness {
  readonly #onNear: (file: FileView, isNear: boolean) => void;
  #groups = new Map<Element, FileGroup>();
  readonly #nearGroups = new Set<Element>();
  /** The files of groups that are near. */
  #files = new Map<Element, FileView>();
  readonly #near = new Set<Element>();
  readonly #groupObserver: IntersectionObserver;
  readonly #fileObserver: IntersectionObserver;

  /** @param onNear told of a file before it comes to the screen, and when it has left, or is followed no longer */
  constructor(onNear: (file: FileView, isNear: boolean) => void) {
    this.#onNear = onNear;
    this.#groupObserver = new IntersectionObserver((entries) => this.#noteGroups(entries), { rootMargin: GROUP_NEAR });
    this.#fileObserver = new IntersectionObserver((entries) => this.#noteFiles(entries), { rootMargin: NEAR });
  }

  /** Follows these groups with the files that they have now, and no others. */
  follow(groups: readonly FileGroup[]): void {
    const before = this.#groups;
    this.#groups = new Map(groups.map((group) => [group.element, group]));
    for (const element of before.keys()) {
      if (this.#groups.has(element)) continue;
      this.#groupObserver.unobserve(element);
      this.#nearGroups.delete(element);
    }
    for (const element of this.#groups.keys()) if (!before.has(element)) this.#groupObserver.observe(element);
    this.#followFiles();
  }

  #noteGroups(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && this.#groups.has(target)) this.#nearGroups.add(target);
      else this.#nearGroups.delete(target);
    }
    this.#followFiles();
  }

  #followFiles(): void {
    const before = this.#files;
    const files = [...this.#nearGroups].flatMap((element) => this.#groups.get(element)?.files ?? []);
    this.#files = new Map(files.map((file) => [file.element, file]));
    for (const [element, file] of before) {
      if (this.#files.has(element)) continue;
      this.#fileObserver.unobserve(element);
      if (this.#near.delete(element)) this.#onNear(file, false);
    }
    for (const element of this.#files.keys()) if (!before.has(element)) this.#fileObserver.observe(element);
  }

  #noteFiles(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const file = this.#files.get(target);
      if (file === undefined || isIntersecting === this.#near.has(target)) continue;
      if (isIntersecting) this.#near.add(target);
      else this.#near.delete(target);
      this.#onNear(file, isIntersecting);
    }
  }
}
