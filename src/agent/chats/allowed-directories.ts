import { lstatSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { systemClock } from "../../util/index.js";
import { isAtOrBelow, realPathOf, refusal, resolveRoot } from "../../worktree/index.js";
import type { TrackStore } from "./track-store.js";

/** Who named a path: the relay, over the tunnel, or a user of this machine, by `agent track`. */
export type NamedBy = "relay" | "track";

/** Which trees enclose the allowed directories is looked up again after this time. Milliseconds. */
const ENCLOSING_MS = 1_000;
/** Of the tracked paths below one directory, so many are tried as a reason to show the tree that is there. */
const TRIED_PATHS = 8;

/** What is needed of the paths that were told locally. */
type Tracked = Pick<TrackStore, "revision" | "allPaths">;

/**
 * What this workspace lets be shown, decided here and not by the relay: the agent's roots and the directories of
 * `--allow-root`, and what was told by `agent track`. The rule: docs/install.md, "What a relay may ask for".
 */
export class AllowedDirectories {
  /** Absolute, each once. Where links led when the agent started: whoever makes them lead elsewhere allows nothing. */
  readonly directories: readonly string[];
  readonly #tracked: Tracked;
  #enclosing: { at: number; roots: string[] } = { at: Number.NEGATIVE_INFINITY, roots: [] };
  /** By directory: some of the tracked paths at or below it. */
  #trackedBelow: { revision: number; paths: Map<string, string[]> } = { revision: -1, paths: new Map() };

  /** @param named absolute paths; they need not exist yet */
  constructor(named: readonly string[], tracked: Tracked) {
    this.directories = [...new Set(named.map((path) => realPathOf(path)))];
    this.#tracked = tracked;
  }

  /**
   * The directories that a named path lets be shown. The tree that it leads to is judged by them when it is opened; here
   * only those paths are refused of which nothing may be learned, not even whether they exist.
   *
   * @throws TreewireError `TW_PATH_REFUSED`
   */
  async allowedFor(path: string, by: NamedBy): Promise<readonly string[]> {
    if (!isAbsolute(path) || path.includes("\0")) throw refusal(path);
    const real = realPathOf(path);
    if (by === "track") {
      // a tracked path has been remembered as where it led: a link that came into its way since then is not followed
      if (real !== path) throw refusal(path);
      return [...this.directories, path];
    }
    if (this.directories.some((directory) => isAtOrBelow(real, directory))) return this.directories;
    if ((await this.#enclosingTrees()).some((root) => isAtOrBelow(real, root))) return this.directories;
    const reasons = this.#trackedNear(real);
    if (reasons.length === 0) throw refusal(path);
    return [...this.directories, ...reasons];
  }

  /** The trees that allowed directories are in, found by searching upward. */
  async #enclosingTrees(): Promise<string[]> {
    const now = systemClock.monotonicMs();
    if (now - this.#enclosing.at >= ENCLOSING_MS) {
      const found = this.directories.map((directory) => resolveRoot(directory, [directory]).catch(() => undefined));
      const roots = (await Promise.all(found)).filter((root) => root !== undefined);
      this.#enclosing = { at: now, roots };
    }
    return this.#enclosing.roots;
  }

  /** Tracked paths above the path, or in the tree that it is in. */
  #trackedNear(real: string): string[] {
    const below = this.#trackedByDirectory();
    let inTree: string[] | undefined;
    for (let at = real; ; at = dirname(at)) {
      const paths = below.get(at);
      if (paths?.includes(at)) return [at];
      if (paths !== undefined && inTree === undefined && isTop(at)) inTree = paths;
      if (dirname(at) === at) return inTree ?? [];
    }
  }

  #trackedByDirectory(): ReadonlyMap<string, string[]> {
    const { revision } = this.#tracked;
    if (this.#trackedBelow.revision === revision) return this.#trackedBelow.paths;
    const paths = new Map<string, string[]>();
    for (const path of this.#tracked.allPaths()) {
      paths.set(path, [path, ...(paths.get(path) ?? []).slice(0, TRIED_PATHS)]);
      for (let at = dirname(path); ; at = dirname(at)) {
        const known = paths.get(at);
        if (known === undefined) paths.set(at, [path]);
        else if (known.length < TRIED_PATHS) known.push(path);
        else break; // what is above has as many
        if (dirname(at) === at) break;
      }
    }
    this.#trackedBelow = { revision, paths };
    return paths;
  }
}

/** So many paths are looked at before others get a turn. */
const AT_ONCE = 500;

/** {@link realPathOf} for many paths, of which those in one directory cost one look at it. */
export async function realPathsOf(paths: readonly string[]): Promise<string[]> {
  const directories = new Map<string, string>();
  const real: string[] = [];
  for (const [position, path] of paths.entries()) {
    if (position % AT_ONCE === AT_ONCE - 1) await new Promise(setImmediate);
    real.push(isLink(path) ? realPathOf(path) : join(directoryOf(dirname(path)), path.slice(dirname(path).length)));
  }
  return [...new Set(real)];

  function directoryOf(directory: string): string {
    const known = directories.get(directory) ?? realPathOf(directory);
    directories.set(directory, known);
    return known;
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

function isTop(directory: string): boolean {
  try {
    return lstatSync(join(directory, ".git"), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
