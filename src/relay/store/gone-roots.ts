import { MAX_TREES } from "../../protocol/index.js";
import { MAX_TOMBSTONE_UNITS } from "./chat-list.js";

/**
 * What a chat had since its list was written last, the latest as the last: as many as are ever written or named. Changed in
 * place, so that a short message costs little, however much is gone.
 */
export class GoneRoots implements Iterable<string> {
  readonly #roots = new Set<string>();
  #units = 0;

  constructor(roots: Iterable<string> = []) {
    this.add(roots);
  }

  get size(): number {
    return this.#roots.size;
  }

  /** How long all are together, in characters. */
  get units(): number {
    return this.#units;
  }

  has(root: string): boolean {
    return this.#roots.has(root);
  }

  [Symbol.iterator](): IterableIterator<string> {
    return this.#roots[Symbol.iterator]();
  }

  /** Adds roots as the latest; the oldest go when it is too much. */
  add(roots: Iterable<string>): void {
    for (const root of roots) {
      this.delete(root);
      this.#roots.add(root);
      this.#units += root.length;
    }
    // once for all: what begins to go through a set passes all that was deleted at its front
    for (const oldest of this.#roots) {
      if (this.#roots.size <= MAX_TREES && this.#units <= MAX_TOMBSTONE_UNITS) break;
      this.delete(oldest);
    }
  }

  delete(root: string): void {
    if (this.#roots.delete(root)) this.#units -= root.length;
  }
}
