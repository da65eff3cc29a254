import { type FSWatcher, lstatSync, watch } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock, systemCode } from "../util/index.js";
import {
  DISK,
  type DirectoryReader,
  type FoundEntry,
  findRepositories,
  type Judged,
  SKIPPED,
} from "./find-repositories.js";
import { eventlessFileSystem } from "./watch/eventless-file-systems.js";

/** Directories that are watched at most; they are the nearest ones, as the search lists those first. */
const MAX_WATCHED = 4096;
/** A `.git` that is no repository yet is looked at again after this time, in milliseconds … */
const UNFINISHED_MS = 250;
/** … for so long after it was first seen: git makes it in several steps, the clone of a large repository at once. */
const UNFINISHED_FOR_MS = 10_000;
/** What was found is a repository still: that is looked up again after this time, in milliseconds. */
const VERIFIED_FOR_MS = 10_000;

export interface RepositorySearchOptions {
  /** Another search may find other repositories than the last one did. */
  onOutdated: () => void;
  clock?: Clock;
  maxWatched?: number;
}

interface Listed {
  readonly watcher: FSWatcher;
  entries: readonly FoundEntry[] | undefined;
  root: string | undefined;
}

/**
 * Searches for repositories again and again, and watches the directories of the search meanwhile: one that is made,
 * cloned, moved in or out is told at once, and a search lists only what has changed since the one before, and what is
 * not watched, because there are too many directories or they can't be.
 */
export class RepositorySearch implements DirectoryReader {
  readonly #options: RepositorySearchOptions;
  readonly #clock: Clock;
  readonly #listed = new Map<string, Listed>();
  /** `.git` entries that are no repository: the directory → when that was first seen, monotonic milliseconds. */
  readonly #unfinished = new Map<string, number>();
  #verifiedAt = Number.NEGATIVE_INFINITY;
  #cancelRetry: (() => void) | undefined;

  constructor(options: RepositorySearchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** How many directories are watched. */
  get watched(): number {
    return this.#listed.size;
  }

  /** See {@link findRepositories}. */
  async find(directory: string, judged: Judged = {}): Promise<string[]> {
    // the event of what was made before the call is in the queue already: two turns deliver it
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
    const now = this.#clock.monotonicMs();
    if (now - this.#verifiedAt >= VERIFIED_FOR_MS) {
      this.#verifiedAt = now;
      for (const listed of this.#listed.values()) listed.root = undefined;
    }
    return findRepositories(directory, { ...judged, reader: this });
  }

  /** Watches nothing until the next search. */
  rest(): void {
    for (const { watcher } of this.#listed.values()) watcher.close();
    this.#listed.clear();
    this.#unfinished.clear();
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  /** @internal */
  list(path: string): readonly FoundEntry[] {
    const known = this.#listed.get(path) ?? this.#watch(path); // before it is listed, so that what comes later is told
    const entries = known?.entries ?? DISK.list(path);
    if (known !== undefined) known.entries = entries;
    return entries;
  }

  /** @internal */
  rootAt(path: string, judged: Judged): string | undefined {
    const known = this.#listed.get(path);
    const root = known?.root ?? DISK.rootAt(path, judged);
    if (known !== undefined) known.root = root;
    if (root === undefined) this.#retry(path);
    else this.#unfinished.delete(path);
    return root;
  }

  #watch(path: string): Listed | undefined {
    if (this.#listed.size >= (this.#options.maxWatched ?? MAX_WATCHED)) return undefined;
    if (eventlessFileSystem(path) !== undefined) return undefined; // what others write there would never be found
    let watcher: FSWatcher;
    try {
      watcher = watch(path, { persistent: false }, (type, name) => {
        if (type === "rename") this.#onName(path, name);
      });
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return undefined; // gone again, not ours to look at, or there are no more watches: listed by each search
    }
    watcher.on("error", () => this.#forget(path));
    const listed: Listed = { watcher, entries: undefined, root: undefined };
    this.#listed.set(path, listed);
    return listed;
  }

  /** An entry of a directory came or went. */
  #onName(path: string, name: string | null): void {
    const entries = this.#listed.get(path)?.entries ?? [];
    const isRepository = this.#listed.get(path)?.root !== undefined;
    if (name !== null && name !== ".git") {
      // what lies in a repository is not searched, and files don't matter anywhere
      if (isRepository || SKIPPED.has(name)) return;
      const wasDirectory = entries.some((entry) => entry.name === name && entry.isDirectory());
      if (!wasDirectory && !isDirectory(join(path, name))) return;
      this.#forget(join(path, name));
    }
    const listed = this.#listed.get(path);
    if (listed !== undefined) {
      listed.entries = undefined;
      listed.root = undefined;
    }
    if (name === null) this.#forget(path);
    this.#options.onOutdated();
  }

  /** Another directory may be there now, and others below it. */
  #forget(path: string): void {
    for (const [known, { watcher }] of this.#listed) {
      if (known !== path && !known.startsWith(`${path}/`)) continue;
      watcher.close();
      this.#listed.delete(known);
    }
  }

  /** Looks at what is no repository yet a few times more. */
  #retry(path: string): void {
    const now = this.#clock.monotonicMs();
    const since = this.#unfinished.get(path) ?? now;
    this.#unfinished.set(path, since);
    if (now - since >= UNFINISHED_FOR_MS) return;
    this.#cancelRetry ??= this.#clock.after(UNFINISHED_MS, () => {
      this.#cancelRetry = undefined;
      this.#options.onOutdated();
    });
  }
}

function isDirectory(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false;
  }
}
