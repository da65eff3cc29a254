import { setImmediate as nextTurn } from "node:timers/promises";

/** For so long in each turn of the event loop, in milliseconds. */
const SLICE_MS = 2;

/** What work that can be cut may take of a turn of the event loop, all of it together, before everybody else has theirs. */
export class TurnSlice {
  #endAt = 0;
  #isOpen = false;

  /** Does a piece of work in the first turn that has time left. @returns when it is done; rejects with what it throws */
  async run(work: () => void): Promise<void> {
    while (!this.#hasTime()) await nextTurn();
    work(); // nobody else's comes between it and the look at the clock
  }

  #hasTime(): boolean {
    const now = performance.now();
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#endAt = now + SLICE_MS;
      // before those who wait from here on
      setImmediate(() => {
        this.#isOpen = false;
      });
    }
    return now < this.#endAt;
  }
}
