import { FairShares } from "./fair-shares.js";

/** So many writes wait at most; then the oldest goes of the party that has the most of them. */
const MAX_WAITING = 10_000;

/** A write that waits. */
export interface WaitingWrite {
  /** Whose it is: a workspace, or "" for the relay's own. */
  readonly owner: string;
  /** It is given up: too many wait, or it cannot be done. */
  dropped(): void;
}

/** Writes that wait, by what they write, in their order. */
export class WaitingWrites<Write extends WaitingWrite> {
  readonly #writes = new Map<string, Write>();
  readonly #shares = new FairShares(MAX_WAITING);

  get size(): number {
    return this.#writes.size;
  }

  has(key: string): boolean {
    return this.#writes.has(key);
  }

  get(key: string): Write | undefined {
    return this.#writes.get(key);
  }

  /** Oldest first; what is deleted meanwhile does not come. */
  [Symbol.iterator](): IterableIterator<[string, Write]> {
    return this.#writes[Symbol.iterator]();
  }

  delete(key: string): void {
    this.#writes.delete(key);
    this.#shares.delete(key);
  }

  /** Enters a write at the end, in place of an older one of the same key. */
  append(key: string, write: Write): void {
    this.#writes.delete(key);
    this.replace(key, write);
  }

  /** Enters a write where an older one of the same key waits, else at the end. */
  replace(key: string, write: Write): void {
    this.#writes.set(key, write);
    this.#shares.set(key, write.owner);
    for (const each of this.#shares.giveUp()) {
      const dropped = this.#writes.get(each);
      this.#writes.delete(each);
      dropped?.dropped();
    }
  }
}
