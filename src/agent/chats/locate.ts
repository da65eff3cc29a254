import { isAbsolute, parse } from "node:path";
import { type Clock, coalesce, type Logger, systemClock, systemCode, TreewireError } from "../../util/index.js";
import { describe, logTrouble, type Trouble } from "../trees/trouble.js";

/** What the agent asks of the file system about where repositories are. */
export interface RepositoryFinder {
  /** The root of the working tree that holds `path`. @throws TreewireError */
  resolveRoot(path: string): Promise<string>;
  /** The roots of the working trees of the bare repository at `path`; none where that is none. @throws TreewireError */
  resolveWorktrees?(path: string): Promise<string[]>;
  /** What a path is, links followed; "missing" also when that cannot be seen. */
  kind(path: string): "directory" | "other" | "missing";
  /** The roots of the working trees at or under `dir`. @throws TreewireError */
  findRepositories(dir: string): Promise<string[]>;
}

/** Where a chat's path leads. */
export interface Located {
  path: string;
  /** The root of its working tree; `undefined` while there is none. */
  root: string | undefined;
  /** In a bare repository there is no root, but it may have working trees. */
  worktrees?: readonly string[];
  /** The path itself is not there (yet): another look may give another root. */
  provisional: boolean;
  /** Why there is no root, when that is more than "not yet". */
  trouble?: Trouble;
}

/** What it takes to find the trees of a path. */
export type Locator = Pick<RepositoryFinder, "resolveRoot" | "resolveWorktrees">;

/**
 * Finds the working tree of a path that may not exist: a file that was deleted, or is about to be written, belongs to
 * the tree of the nearest directory above it that is there.
 */
export async function locate(path: string, finder: Locator): Promise<Located> {
  if (!isAbsolute(path)) {
    return {
      path,
      root: undefined,
      provisional: false,
      trouble: describe(new TreewireError("TW_PATH_NOT_FOUND", path), path),
    };
  }
  const top = parse(path).root;
  for (let at = path, provisional = false; ; at = parse(at).dir, provisional = true) {
    try {
      return { path, root: await finder.resolveRoot(at), provisional };
    } catch (error) {
      const worktrees = isBare(error) ? await worktreesOf(at, finder) : [];
      if (worktrees.length > 0) return { path, root: undefined, worktrees, provisional: true }; // others may be added
      const missing = isMissing(error);
      if (missing && at !== top) continue;
      // nothing above it either: that is what "outside any repository" means for a path that is not there
      const cause = missing || provisional ? new TreewireError("TW_PATH_NOT_FOUND", path) : error;
      return { path, root: undefined, provisional: true, trouble: describe(cause, path) };
    }
  }
}

/** So many paths are looked at before others get a turn. */
const AT_ONCE = 100;

/** {@link locate} for many paths, of which those in one directory cost one look. */
export async function locateAll(
  paths: readonly string[],
  finder: Locator & Pick<RepositoryFinder, "kind">,
): Promise<Located[]> {
  const groups = new Map<string, string>();
  for (const [position, path] of paths.entries()) {
    if (position % AT_ONCE === AT_ONCE - 1) await new Promise(setImmediate);
    const kind = finder.kind(path);
    const group = kind === "directory" ? `${path}\0` : `${parse(path).dir}\0${kind}`;
    if (!groups.has(group)) groups.set(group, path);
  }
  const located: Located[] = [];
  for (const path of groups.values()) {
    located.push(await locate(path, finder));
    await new Promise(setImmediate);
  }
  return located;
}

/** A search of the roots may take this share of the time at most. */
const SEARCH_SHARE = 1 / 20;

/** The repositories under the agent's roots. */
export class Discovery {
  /**
   * Searches all roots; see {@link coalesce}.
   *
   * @returns the roots of working trees, ascending, each once; those under a root that cannot be read are left out
   */
  readonly find: () => Promise<string[]>;
  readonly #finder: Pick<RepositoryFinder, "findRepositories">;
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** What is wrong with a root, by root, until it has passed. */
  readonly #problems = new Map<string, string>();
  /** When the last search ended (monotonic), and how long it took. Milliseconds. */
  #endedAt = Number.NEGATIVE_INFINITY;
  #searchMs = 0;

  /** @param roots absolute paths */
  constructor(
    roots: readonly string[],
    finder: Pick<RepositoryFinder, "findRepositories">,
    logger: Logger,
    clock: Clock = systemClock,
  ) {
    this.#finder = finder;
    this.#logger = logger;
    this.#clock = clock;
    this.find = coalesce(async () => {
      const startedAt = clock.monotonicMs();
      const found = await Promise.all(roots.map((root) => this.#findUnder(root)));
      this.#endedAt = clock.monotonicMs();
      this.#searchMs = this.#endedAt - startedAt;
      return [...new Set(found.flat())].sort();
    });
  }

  /** Whether the last search is long enough ago. @param restMs the least time between two, in milliseconds */
  isDue(restMs: number): boolean {
    return this.#clock.monotonicMs() - this.#endedAt >= Math.max(restMs, this.#searchMs / SEARCH_SHARE);
  }

  /** What is wrong with roots, in words. */
  troubles(): string[] {
    return [...this.#problems.values()];
  }

  async #findUnder(root: string): Promise<string[]> {
    try {
      const found = await this.#finder.findRepositories(root);
      this.#problems.delete(root);
      return found;
    } catch (error) {
      const trouble = describe(error, root);
      if (this.#problems.get(root) !== trouble.message) logTrouble(this.#logger, trouble, { root });
      this.#problems.set(root, trouble.message);
      return [];
    }
  }
}

function isBare(error: unknown): boolean {
  return error instanceof TreewireError && error.code === "TW_BARE_REPOSITORY";
}

/** None where they can't be listed: that the repository is bare is what people are told then. */
async function worktreesOf(path: string, finder: Locator): Promise<string[]> {
  try {
    return (await finder.resolveWorktrees?.(path)) ?? [];
  } catch (error) {
    if (error instanceof TreewireError) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof TreewireError ? error.code === "TW_PATH_NOT_FOUND" : systemCode(error) === "ENOENT";
}
