import { coalesce } from "../../../util/index.js";

/**
 * Reads of one thing each, by its name: what is read answers all who had asked before the reading began, so that a thousand who come
 * at once cost two readings.
 */
export class FreshReads {
  readonly #reads = new Map<string, { run: () => Promise<void>; asking: number }>();

  /** @param read called when it has not begun since; puts what it finds where the callers look for it */
  async read(name: string, read: () => Promise<void>): Promise<void> {
    let entry = this.#reads.get(name);
    if (entry === undefined) {
      entry = { run: coalesce(read), asking: 0 };
      this.#reads.set(name, entry);
    }
    entry.asking += 1;
    try {
      await entry.run();
    } finally {
      entry.asking -= 1;
      if (entry.asking === 0) this.#reads.delete(name);
    }
  }
}
