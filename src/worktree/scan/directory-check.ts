import { readdirSync } from "node:fs";
import type { EntryTable } from "../../git/index.js";
import { fileSystemPath } from "../../git/index.js";
import { systemCode } from "../../util/index.js";
import type { KnownListings } from "./known-listings.js";
import { DENIED, lookAt } from "./lstat.js";

/** One directory with tracked files, as the index has it. */
export interface ExpectedDirectory {
  /** Byte path from the root; "" for the root. */
  readonly path: string;
  /** Half-open ranges of the positions that stand directly in it: start, end, start, end … */
  readonly runs: ArrayLike<number>;
  /** How many directories below it the index has, and the caller has found. */
  readonly children: number;
  /** Its place among the known listings. */
  readonly at?: number;
}

/** The element of {@link UnchangedEntries} for a file that was seen to be as its entry says. */
export const UNCHANGED = 1;

/** The same for one that has more than one name: its changes may be reported elsewhere. */
export const UNCHANGED_LINK = 2;

/** By position of the index: {@link UNCHANGED}, {@link UNCHANGED_LINK} or 0, "not known". One byte each, so that threads can share them. */
export type UnchangedEntries = Uint8Array;

/**
 * Checks whether a directory is just as the index has it. That is so of nearly every directory, and then nothing has to
 * be remembered of it: no name becomes a string that stays, and none is looked up.
 */
export class DirectoryCheck {
  /** How many files of the directory that was checked last have more than one name. */
  links = 0;
  readonly #root: string;
  readonly #table: EntryTable;
  readonly #unchangedEntries: UnchangedEntries | undefined;
  readonly #listings: KnownListings | undefined;

  /**
   * @param root absolute path @param unchangedEntries as long as the table; filled in by {@link isUnchanged}
   * @param listings what saves listings, by the directories' `at`; filled in as well
   */
  constructor(root: string, table: EntryTable, unchangedEntries?: UnchangedEntries, listings?: KnownListings) {
    this.#root = root;
    this.#table = table;
    this.#unchangedEntries = unchangedEntries;
    this.#listings = listings;
  }

  /**
   * Whether every tracked file in the directory is proven unchanged and there is nothing else in it, but the directories
   * that the caller has found. When every tracked name is there, an equal count means that there is no other. `false`
   * also where that is not known, or where more has to be known: unmerged entries, attributes.
   */
  isUnchanged({ path, runs, children, at }: ExpectedDirectory): boolean {
    this.links = 0;
    try {
      let expected = children;
      let allUnchanged = true;
      for (let run = 0; run + 1 < runs.length; run += 2) {
        const end = runs[run + 1] ?? 0;
        const start = runs[run] ?? 0;
        expected += end - start;
        for (let position = start; position < end; position++) {
          if (!this.#isFileUnchanged(position)) allUnchanged = false;
        }
      }
      return allUnchanged && this.#countNames(path, at) === expected;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return false; // the caller lists the directory, and meets the error
    }
  }

  #isFileUnchanged(position: number): boolean {
    const path = this.#table.path(position);
    const stats = lookAt(fileSystemPath(this.#root, path));
    if (stats === undefined || stats === DENIED || !this.#table.provesUnchanged(position, stats)) return false;
    if (path.endsWith(".gitattributes")) return false;
    const isLink = stats.nlink > 1;
    if (isLink) this.links += 1;
    if (this.#unchangedEntries !== undefined) this.#unchangedEntries[position] = isLink ? UNCHANGED_LINK : UNCHANGED;
    return true;
  }

  #countNames(path: string, at: number | undefined): number {
    const place = fileSystemPath(this.#root, path);
    const listings = at === undefined ? undefined : this.#listings;
    if (at === undefined || listings === undefined) return countListed(place, path);
    const takenAt = Date.now();
    const stats = lookAt(place);
    if (stats === undefined || stats === DENIED) return countListed(place, path);
    const known = listings.count(at, stats);
    if (known !== undefined) return known;
    const count = countListed(place, path);
    listings.note(at, stats, takenAt, count);
    return count;
  }
}

/** How many names a directory has, without the repository of the root. */
function countListed(place: string | Buffer, path: string): number {
  const names = readdirSync(place, "latin1");
  return path === "" && names.includes(".git") ? names.length - 1 : names.length;
}
