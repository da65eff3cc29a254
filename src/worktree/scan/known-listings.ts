import type { Stats } from "node:fs";

/** What is kept of each directory: its inode, mtime and ctime in milliseconds, and how many names it had. 0: nothing is known. */
const FIELDS = 4;

/**
 * A directory that was changed this shortly before it was looked at may be changed again without new times: some file systems
 * count in steps of two seconds.
 */
const RACY_MS = 3_000;

/** {@link KnownListings} as threads share them. */
export interface SharedListings {
  readonly table: Float64Array;
  /** The one that the tree's root is on: of others it is not known what their times say. */
  readonly device: number;
}

/**
 * How many names each directory of a tree had when it was listed, and its times then. A name comes or goes with new times of
 * its directory, so while these are the same, the number is. git's untracked cache rests on the same.
 */
export class KnownListings {
  readonly #table: Float64Array;
  readonly #device: number;

  constructor({ table, device }: SharedListings) {
    this.#table = table;
    this.#device = device;
  }

  /** For so many directories, of which nothing is known. */
  static empty(directories: number, device: number): SharedListings {
    const bytes = new SharedArrayBuffer(directories * FIELDS * Float64Array.BYTES_PER_ELEMENT);
    return { table: new Float64Array(bytes), device };
  }

  /** @param stats of the directory, as it is now @returns how many names it has, or `undefined`: it is to be listed */
  count(at: number, { ino, mtimeMs, ctimeMs }: Stats): number | undefined {
    const field = at * FIELDS;
    const table = this.#table;
    const isSame = table[field] === ino && table[field + 1] === mtimeMs && table[field + 2] === ctimeMs;
    return isSame ? table[field + 3] : undefined;
  }

  /**
   * Keeps what a listing has found.
   * @param stats of the directory, from before it was listed @param takenAt milliseconds since 1970, not after the stats
   */
  note(at: number, stats: Stats, takenAt: number, count: number): void {
    const { dev, ino, mtimeMs, ctimeMs } = stats;
    const isProof = dev === this.#device && Math.max(mtimeMs, ctimeMs) + RACY_MS < takenAt;
    this.#table.set(isProof ? [ino, mtimeMs, ctimeMs, count] : [0, 0, 0, 0], at * FIELDS);
  }

  /** In how many directories two tables differ. */
  static differences(one: Float64Array, other: Float64Array): number {
    let count = 0;
    for (let field = 0; field < one.length; field += FIELDS) {
      const isSame = [0, 1, 2, 3].every((each) => one[field + each] === other[field + each]);
      if (!isSame) count += 1;
    }
    return count;
  }
}
