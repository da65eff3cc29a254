import type { IndexFile } from "../git/types.js";
import { baseName, parentPath } from "./paths.js";

/** What the index says of one directory. */
export interface IndexDirectory {
  /** Name → position of its (first) entry. Submodules are among them. */
  readonly files: Map<string, number>;
  /** Names of directories that hold tracked files. */
  readonly directories: Set<string>;
}

/**
 * The index by directory, so that a listing can be compared with it name by name without a search through the sorted
 * entries for each. Made in one pass: entries of one directory mostly follow each other.
 */
export class IndexTree {
  readonly #directories = new Map<string, IndexDirectory>();
  readonly #index: IndexFile;
  /** Every path, folded; made when it is first asked for. */
  #folded: ReadonlySet<string> | undefined;

  constructor(index: IndexFile) {
    this.#index = index;
    let currentPath: string | undefined;
    let current: IndexDirectory | undefined;
    for (let position = 0; position < index.count; position++) {
      const path = index.path(position);
      const directory = parentPath(path);
      if (current === undefined || directory !== currentPath) {
        current = this.#make(directory);
        currentPath = directory;
      }
      const name = directory === "" ? path : path.slice(directory.length + 1);
      if (!current.files.has(name)) current.files.set(name, position); // later stages of an unmerged path
    }
  }

  /** What is tracked directly in a directory, or `undefined` when nothing is tracked at or below it. */
  get(path: string): IndexDirectory | undefined {
    return this.#directories.get(path);
  }

  /** Whether anything below the directory is tracked. */
  has(path: string): boolean {
    return this.#directories.has(path);
  }

  /** Whether a path is tracked in this or another case: git takes an untracked file for that one (`core.ignoreCase`). */
  hasInAnyCase(path: string): boolean {
    this.#folded ??= new Set(Array.from({ length: this.#index.count }, (_, at) => foldCase(this.#index.path(at))));
    return this.#folded.has(foldCase(path));
  }

  #make(path: string): IndexDirectory {
    let directory = this.#directories.get(path);
    if (directory === undefined) {
      directory = { files: new Map(), directories: new Set() };
      this.#directories.set(path, directory);
      if (path !== "") this.#make(parentPath(path)).directories.add(baseName(path));
    }
    return directory;
  }
}

/**
 * The paths whose entries differ between two indexes, or are in one of them only. Both are sorted, so one walk finds
 * them.
 */
export function changedEntries(before: IndexFile, after: IndexFile): string[] {
  const changed: string[] = [];
  let b = 0;
  let a = 0;
  while (b < before.count || a < after.count) {
    if (b < before.count && a < after.count && after.sameEntry(a, before, b)) {
      b++;
      a++;
      continue;
    }
    const beforePath = b < before.count ? before.path(b) : undefined;
    const afterPath = a < after.count ? after.path(a) : undefined;
    if (afterPath === undefined || (beforePath !== undefined && beforePath <= afterPath)) {
      b++;
      if (beforePath === afterPath) a++;
      if (beforePath !== undefined) changed.push(beforePath);
    } else {
      a++;
      changed.push(afterPath);
    }
  }
  return changed;
}

/** As git folds case: ASCII only. */
function foldCase(path: string): string {
  return path.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
