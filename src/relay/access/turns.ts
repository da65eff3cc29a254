/** So many requests begin in one turn of the event loop; each is a fraction of a millisecond of work. */
const PER_TURN = 2;

/**
 * Lets requests begin one after another, a few in each turn of the event loop. What one caller sends at once would otherwise
 * be answered in one go, and everybody else's frames wait until it is through.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #left = PER_TURN;
  #isRenewed = true;

  /** Resolves when the caller may begin; callers begin in the order in which they came. */
  take(): Promise<void> | undefined {
    this.#renewLater();
    if (this.#left > 0 && this.#waiting.length === 0) {
      this.#left -= 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #renewLater(): void {
    if (!this.#isRenewed) return;
    this.#isRenewed = false;
    setImmediate(() => {
      this.#isRenewed = true;
      const begin = this.#waiting.splice(0, PER_TURN);
      this.#left = PER_TURN - begin.length;
      if (this.#waiting.length > 0) this.#renewLater();
      for (const resolve of begin) resolve();
    });
  }
}
