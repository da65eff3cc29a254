import type { Clock } from "../../src/util/index.js";

interface Timer {
  readonly at: number;
  /** Which one of those of one time was set first. */
  readonly order: number;
  run: (() => void) | undefined;
}

/** A time of day that all of a simulation begin with. Milliseconds since 1970. */
const EPOCH_MS = 1_800_000_000_000;

/** A clock that goes from timer to timer as fast as the machine can, in whole milliseconds. For millions of timers. */
export class SimulatedClock implements Clock {
  #now = 0;
  #count = 0;
  /** A binary heap: the first comes first. */
  readonly #heap: Timer[] = [];

  wallMs(): number {
    return EPOCH_MS + this.#now;
  }

  monotonicMs(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    this.#count += 1;
    const timer: Timer = { at: Math.max(this.#now, Math.round(this.#now + delayMs)), order: this.#count, run };
    this.#push(timer);
    return () => {
      timer.run = undefined;
    };
  }

  /** Moves on. Whatever is due in one millisecond runs in one turn of the loop, in its order. */
  async advance(byMs: number): Promise<void> {
    const end = this.#now + byMs;
    await nextTurn();
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || first.at > end) break;
      this.#now = first.at;
      for (let next = first; next !== undefined && next.at <= this.#now; next = this.#heap[0] as Timer) {
        this.#pop();
        next.run?.();
      }
      await nextTurn();
    }
    this.#now = end;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(timer, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) below += 1;
      const child = heap[below];
      if (child === undefined || !isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Lets promises settle. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
