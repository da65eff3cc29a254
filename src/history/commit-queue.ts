import type { CommitTable } from "../git/index.js";

/**
 * Commits by date, the newest first; of the same date the one that was put in first. Where git's commit graph has
 * corrected dates and the queue is to heed them, those come first, as in git: the order decides which of several best
 * common ancestors is named first.
 */
export class CommitQueue {
  readonly #commits: CommitTable;
  readonly #isByCorrectedDate: boolean;
  /** A heap: the least in order at the front. */
  readonly #heap: Entry[] = [];
  /** Those that were taken, for the next that are put in. */
  readonly #free: Entry[] = [];
  #turn = 0;

  constructor(commits: CommitTable, heedsCorrectedDates: boolean) {
    this.#commits = commits;
    this.#isByCorrectedDate = heedsCorrectedDates && commits.hasCorrectedDates;
  }

  get length(): number {
    return this.#heap.length;
  }

  /** The date of the commit that comes next. */
  get nextDate(): number {
    return this.#heap[0]?.date ?? Number.NEGATIVE_INFINITY;
  }

  /** @throws TreewireError when the commit can't be read */
  put(commit: number): void {
    const date = this.#commits.date(commit);
    const corrected = this.#isByCorrectedDate ? this.#commits.correctedDate(commit) : 0;
    const entry = this.#free.pop() ?? { commit, corrected, date, turn: 0 };
    entry.commit = commit;
    entry.corrected = corrected;
    entry.date = date;
    entry.turn = this.#turn++;
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >>> 1;
      const other = heap[above];
      if (other === undefined || !isBefore(entry, other)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = entry;
  }

  /** Takes the first commit; `undefined` when there is none. */
  take(): number | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (heap.length > 0) this.#sink(last);
    this.#free.push(first);
    return first.commit;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !isBefore(child, entry)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = entry;
  }
}

interface Entry {
  commit: number;
  corrected: number;
  date: number;
  turn: number;
}

function isBefore(one: Entry, other: Entry): boolean {
  if (one.corrected !== other.corrected) return one.corrected > other.corrected;
  return one.date === other.date ? one.turn < other.turn : one.date > other.date;
}
