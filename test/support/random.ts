import { randomInt } from "node:crypto";

/** `TREEWIRE_TEST_SEED` is the one variable that says from what random tests draw: `undefined` where it is not set. */
const given = process.env.TREEWIRE_TEST_SEED;

/** What random tests draw from. Pinned, so that a run fails, or does not, for what was changed. */
export const SEED = Number(given ?? 20_260_102);

/** For the long runs, which are there to find what nobody thought of: another seed each time, to be printed. */
export function drawSeed(): number {
  return given === undefined ? randomInt(2 ** 31) : SEED;
}

/** A source of numbers (mulberry32), so that what is made of them can be made again from the seed alone. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A UUID that the seed decides. */
  uuid(): string {
    const digits = Array.from({ length: 32 }, () => this.below(16).toString(16)).join("");
    return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5");
  }

  /** A whole number in [0, end). */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** A whole number in [least, most], small ones likelier. */
  small(least: number, most: number): number {
    return least + Math.floor((most - least + 1) * this.next() ** 3);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}
