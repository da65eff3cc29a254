import { readdirSync } from "node:fs";
import type { EntryTable } from "../../git/index.js";
import { systemCode } from "../../util/index.js";
import { nativePath } from "../paths.js";
import { DENIED, lookAt } from "./lstat.js";

/** One directory with tracked files, as the index has it. */
export interface ExpectedDirectory {
  /** Byte path from the root; "" for the root. */
  readonly path: string;
  /** Half-open ranges of the positions that stand directly in it: start, end, start, end … */
  readonly runs: ArrayLike<number>;
  /** How many directories below it the index has, and the caller has found. */
  readonly children: number;
}

/** What the judge of a directory says of it, and of files in it: an element of {@link UnchangedEntries} by position. */
export const UNCHANGED = 1;

/** By position of the index: {@link UNCHANGED} where the file was seen to be as its entry says, else 0. */
export type UnchangedEntries = Uint8Array;

/**
 * Tells whether a directory is just as the index has it. That is so of nearly every directory, and then nothing has to
 * be remembered of it: no name becomes a string that stays, and none is looked up.
 */
export class DirectoryCheck {
  readonly #root: string;
  readonly #table: EntryTable;
  readonly #proofs: UnchangedEntries | undefined;

  /** @param root absolute path @param proofs as long as the table; filled in by {@link isUnchanged} */
  constructor(root: string, table: EntryTable, proofs?: UnchangedEntries) {
    this.#root = root;
    this.#table = table;
    this.#proofs = proofs;
  }

  /**
   * Whether every tracked file in the directory is proven unchanged and there is nothing else in it, but the directories
   * that the caller has found. When every tracked name is there, an equal count tells that there is no other. `false`
   * also where that can't be told, or where more is to be known: unmerged entries, attributes.
   */
  isUnchanged({ path, runs, children }: ExpectedDirectory): boolean {
    try {
      let expected = children;
      let allProven = true;
      for (let run = 0; run + 1 < runs.length; run += 2) {
        const end = runs[run + 1] ?? 0;
        const start = runs[run] ?? 0;
        expected += end - start;
        for (let position = start; position < end; position++) {
          if (!this.#isProven(position)) allProven = false;
        }
      }
      return allProven && this.#countNames(path) === expected;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return false; // who asked looks again, and has the error to tell
    }
  }

  #isProven(position: number): boolean {
    const path = this.#table.path(position);
    const stats = lookAt(nativePath(this.#root, path));
    if (stats === undefined || stats === DENIED || !this.#table.provesUnchanged(position, stats)) return false;
    if (path.endsWith(".gitattributes")) return false;
    if (this.#proofs !== undefined) this.#proofs[position] = UNCHANGED;
    return true;
  }

  #countNames(path: string): number {
    const names = readdirSync(nativePath(this.#root, path), "latin1");
    return path === "" && names.includes(".git") ? names.length - 1 : names.length;
  }
}
