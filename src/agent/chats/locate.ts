import { isAbsolute, parse } from "node:path";
import { type Clock, coalesce, type Logger, systemClock, systemCode, TreewireError } from "../../util/index.js";
import { refusal } from "../../worktree/index.js";
import { describe, logTrouble, type Trouble } from "../trees/trouble.js";
import type { NamedBy } from "./allowed-directories.js";

/** What the agent asks of the file system about where repositories are. */
export interface RepositoryFinder {
  /**
   * The directories that a named path lets be shown.
   * @throws TreewireError `TW_PATH_REFUSED` for one that lets nothing be shown
   */
  allowedFor(path: string, by: NamedBy): Promise<readonly string[]>;
  /** The root of the working tree that holds `path`. @throws TreewireError, `TW_PATH_REFUSED` when it is not in `allowed` */
  resolveRoot(path: string, allowed: readonly string[]): Promise<string>;
  /**
   * The roots of the working trees of the bare repository at `path`, those left out that are not in `allowed`; none where
   * there is no such repository.
   * @throws TreewireError, `TW_PATH_REFUSED` when there are some, but none is in `allowed`
   */
  resolveWorktrees?(path: string, allowed: readonly string[]): Promise<string[]>;
  /** What a path is, links followed; "missing" also when that cannot be seen. */
  kind(path: string): "directory" | "other" | "missing";
  /**
   * The roots of the working trees at or under `dir`.
   *
   * @param onRefused told of each directory in it whose repository leads out of what may be shown
   * @throws TreewireError
   */
  findRepositories(dir: string, onRefused: (directory: string) => void): Promise<string[]>;
  /** Calls back whenever another search may find other repositories than the last one. */
  onOutdated?(listener: () => void): void;
  /** Nobody asks for repositories until the next search. */
  rest?(): void;
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
export type Locator = Pick<RepositoryFinder, "allowedFor" | "resolveRoot" | "resolveWorktrees">;

/**
 * Finds the working tree of a path that may not exist: a file that was deleted, or is about to be written, belongs to
 * the tree of the nearest directory above it that is there.
 */
export async function locate(path: string, finder: Locator, by: NamedBy = "relay"): Promise<Located> {
  if (!isAbsolute(path)) {
    return {
      path,
      root: undefined,
      provisional: false,
      trouble: describe(new TreewireError("TW_PATH_NOT_FOUND", path), path),
    };
  }
  let allowed: readonly string[];
  try {
    allowed = await finder.allowedFor(path, by);
  } catch (error) {
    return { path, root: undefined, provisional: false, trouble: describe(error, path) };
  }
  const top = parse(path).root;
  for (let at = path, provisional = false; ; at = parse(at).dir, provisional = true) {
    try {
      return { path, root: await finder.resolveRoot(at, allowed), provisional };
    } catch (error) {
      if (isRefused(error)) return refused(path);
      const worktrees = isBare(error) ? await worktreesOf(at, finder, allowed) : [];
      if (worktrees === "refused") return refused(path);
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

/** {@link locate} for many paths, of which those in one directory cost one look, unless it is refused. */
export async function locateAll(
  paths: readonly string[],
  finder: Locator & Pick<RepositoryFinder, "kind">,
  by: NamedBy = "relay",
): Promise<Located[]> {
  const groups = new Map<string, string[]>();
  for (const [position, path] of paths.entries()) {
    if (position % AT_ONCE === AT_ONCE - 1) await new Promise(setImmediate);
    const kind = finder.kind(path);
    const group = kind === "directory" ? `${path}\0` : `${parse(path).dir}\0${kind}`;
    const others = groups.get(group);
    if (others === undefined) groups.set(group, [path]);
    else others.push(path);
  }
  const located: Located[] = [];
  for (const group of groups.values()) {
    for (const path of group) {
      const one = await locate(path, finder, by);
      located.push(one);
      await new Promise(setImmediate);
      if (one.trouble?.code !== REFUSED) break;
    }
  }
  return located;
}

const REFUSED = "TW_PATH_REFUSED";

function refused(path: string): Located {
  return { path, root: undefined, provisional: false, trouble: describe(refusal(path), path) };
}

function isRefused(error: unknown): boolean {
  return error instanceof TreewireError && error.code === REFUSED;
}

/** Of the repositories under one root that are refused, so many are named. */
const MAX_REFUSED = 20;

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
  /** Is called when a search would find other repositories than the last one; {@link isDue} says when it may begin. */
  onOutdated: () => void = () => {};
  readonly #finder: Pick<RepositoryFinder, "findRepositories" | "onOutdated" | "rest">;
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** What is wrong with a root or with what was found under it, by root, until it has passed. */
  readonly #problems = new Map<string, readonly string[]>();
  /** When the last search ended (monotonic), and how long it took. Milliseconds. */
  #endedAt = Number.NEGATIVE_INFINITY;
  #searchMs = 0;
  #isOutdated = false;

  /** @param roots absolute paths */
  constructor(
    roots: readonly string[],
    finder: Pick<RepositoryFinder, "findRepositories" | "onOutdated" | "rest">,
    logger: Logger,
    clock: Clock = systemClock,
  ) {
    this.#finder = finder;
    this.#logger = logger;
    this.#clock = clock;
    finder.onOutdated?.(() => {
      this.#isOutdated = true;
      this.onOutdated();
    });
    this.find = coalesce(async () => {
      const startedAt = clock.monotonicMs();
      this.#isOutdated = false;
      const found = await Promise.all(roots.map((root) => this.#findUnder(root)));
      this.#endedAt = clock.monotonicMs();
      this.#searchMs = this.#endedAt - startedAt;
      return [...new Set(found.flat())].sort();
    });
  }

  /**
   * Whether the last search is long enough ago.
   * @param restMs the least time between two of which the first is not known to be outdated, in milliseconds
   */
  isDue(restMs: number): boolean {
    const leastMs = this.#isOutdated ? 0 : restMs;
    return this.#clock.monotonicMs() - this.#endedAt >= Math.max(leastMs, this.#searchMs / SEARCH_SHARE);
  }

  /** Nobody asks until the next {@link find}. */
  rest(): void {
    this.#finder.rest?.();
  }

  /** What is wrong with roots, in words. */
  troubles(): string[] {
    return [...this.#problems.values()].flat();
  }

  async #findUnder(root: string): Promise<string[]> {
    const refused: Trouble[] = [];
    try {
      const found = await this.#finder.findRepositories(root, (directory) => {
        if (refused.length < MAX_REFUSED) refused.push(describe(refusal(directory), directory));
      });
      this.#setProblems(root, refused);
      return found;
    } catch (error) {
      this.#setProblems(root, [describe(error, root)]);
      return [];
    }
  }

  #setProblems(root: string, troubles: readonly Trouble[]): void {
    const before = this.#problems.get(root) ?? [];
    for (const trouble of troubles) {
      if (!before.includes(trouble.message)) logTrouble(this.#logger, trouble, { root });
    }
    this.#problems.set(
      root,
      troubles.map(({ message }) => message),
    );
  }
}

function isBare(error: unknown): boolean {
  return error instanceof TreewireError && error.code === "TW_BARE_REPOSITORY";
}

/** None where they can't be listed: that the repository is bare is what people are told then. */
async function worktreesOf(
  path: string,
  finder: Locator,
  allowed: readonly string[],
): Promise<readonly string[] | "refused"> {
  try {
    return (await finder.resolveWorktrees?.(path, allowed)) ?? [];
  } catch (error) {
    if (isRefused(error)) return "refused";
    if (error instanceof TreewireError) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof TreewireError ? error.code === "TW_PATH_NOT_FOUND" : systemCode(error) === "ENOENT";
}
