import { compareGenerations, type Generation, type LogEntry } from "../bus/messages.js";

/** So many entries are kept while a sync is under way; where there were more, there is a gap behind it. */
const MAX_KEPT_ENTRIES = 100;

/** An answer that takes longer is asked for again, then after ever longer. Milliseconds. */
const RETRY_MS = 400;
const MAX_RETRY_MS = 5_000;

/** A sync that is under way: what was asked for is to come from one home, in its order and whole. */
export class Sync {
  /** The number of the `follow` that it answers. */
  readonly id: number;
  /** When it is asked for again, of the monotonic clock. */
  readonly dueAtMs: number;
  readonly #waitMs: number;
  readonly #kept: LogEntry[] = [];
  #from: Generation | undefined;
  #items = 0;

  /** @param nowMs of the monotonic clock @param before one that was not finished */
  constructor(id: number, nowMs: number, before: Sync | undefined) {
    this.id = id;
    this.#waitMs = before === undefined ? RETRY_MS : Math.min(2 * before.#waitMs, MAX_RETRY_MS);
    this.dueAtMs = nowMs + this.#waitMs;
  }

  /** A home begins to answer. @returns whether it is the first */
  begin(from: Generation): boolean {
    if (this.#from !== undefined) return false;
    this.#from = from;
    return true;
  }

  isFrom(home: Generation): boolean {
    return this.#from !== undefined && compareGenerations(home, this.#from) === 0;
  }

  /** Whether an item is the next one. @param at its place, from 0 */
  isNext(at: number): boolean {
    return at === this.#items;
  }

  /** An item was taken. */
  taken(): void {
    this.#items += 1;
  }

  /** Keeps an entry of a log that came meanwhile. */
  keep(entry: LogEntry): void {
    if (this.#kept.length < MAX_KEPT_ENTRIES) this.#kept.push(entry);
  }

  /** Those, in the order of their numbers. */
  get kept(): readonly LogEntry[] {
    return this.#kept.sort((a, b) => a.n - b.n);
  }
}
