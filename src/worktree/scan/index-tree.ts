import type { IndexFile } from "../../git/index.js";
import { baseName, parentPath } from "../paths.js";

/** What the index says of one directory. */
export class IndexDirectory {
  /** Byte path from the root; "" for the root. */
  readonly path: string;
  readonly parent: IndexDirectory | undefined;
  /** Directories directly below that hold tracked files. */
  readonly children: IndexDirectory[] = [];
  /** Half-open ranges of the positions that stand directly here, one after the other: start, end, start, end … */
  readonly runs: number[] = [];
  readonly #index: IndexFile;

  constructor(index: IndexFile, path: string, parent: IndexDirectory | undefined) {
    this.#index = index;
    this.path = path;
    this.parent = parent;
  }

  get name(): string {
    return baseName(this.path);
  }

  /** Name → position of its (first) entry, submodules among them. Made anew by each call: few directories need it. */
  files(): Map<string, number> {
    const files = new Map<string, number>();
    const prefix = this.path === "" ? 0 : this.path.length + 1;
    for (let run = 0; run < this.runs.length; run += 2) {
      const end = this.runs[run + 1] ?? 0;
      for (let position = this.runs[run] ?? 0; position < end; position++) {
        const name = this.#index.path(position).slice(prefix);
        if (!files.has(name)) files.set(name, position); // later stages of an unmerged path
      }
    }
    return files;
  }
}

/**
 * The index by directory, so that a listing can be compared with it without a search through the sorted entries for
 * each name. Made in one pass: entries of one directory mostly follow each other.
 */
export class IndexTree {
  /** Parents before what is below them. */
  readonly directories: readonly IndexDirectory[];
  readonly #byPath = new Map<string, IndexDirectory>();
  readonly #index: IndexFile;
  /** Every path, folded; made when it is first asked for. */
  #folded: ReadonlySet<string> | undefined;

  constructor(index: IndexFile) {
    this.#index = index;
    const starts = index.directoryRuns();
    for (let run = 0; run < starts.length; run++) {
      const start = starts[run] ?? 0;
      this.#make(parentPath(index.path(start))).runs.push(start, starts[run + 1] ?? index.count);
    }
    this.directories = [...this.#byPath.values()];
  }

  /** What is tracked directly in a directory, or `undefined` when nothing is tracked at or below it. */
  get(path: string): IndexDirectory | undefined {
    return this.#byPath.get(path);
  }

  /** Whether anything below the directory is tracked. */
  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Whether a path is tracked in this or another case: git takes an untracked file for that one (`core.ignoreCase`). */
  hasInAnyCase(path: string): boolean {
    this.#folded ??= new Set(Array.from({ length: this.#index.count }, (_, at) => foldCase(this.#index.path(at))));
    return this.#folded.has(foldCase(path));
  }

  #make(path: string): IndexDirectory {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known;
    const parent = path === "" ? undefined : this.#make(parentPath(path));
    const directory = new IndexDirectory(this.#index, path, parent);
    parent?.children.push(directory);
    this.#byPath.set(path, directory);
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
