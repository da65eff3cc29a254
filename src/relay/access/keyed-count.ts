/** How many of something are under way for each key. A key without any takes no memory. */
export class KeyedCount {
  readonly #counts = new Map<string, number>();

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** One more is under way. @returns what ends it, at most once */
  enter(key: string): () => void {
    this.#counts.set(key, this.count(key) + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = this.count(key) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    };
  }
}
