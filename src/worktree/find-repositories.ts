import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { systemCode, TreewireError } from "../util/index.js";
import { openRepositoryAt } from "./root-places.js";

export interface FindOptions {
  /** How many directories below the start are entered. Default 4: `~/src/host/owner/project`. */
  maxDepth?: number;
  /** How many directories are listed at most. Default 20,000, half a second's work. */
  maxDirectories?: number;
  /** Directories out of which no repository may lead, as `openRepository` takes them. Default: anything may be shown. */
  allowed?: readonly string[];
  /** Told of each repository that does, by the directory that it was found in. */
  onRefused?: (directory: string) => void;
  /** What reads directories. Default: {@link DISK}. */
  reader?: DirectoryReader;
}

/** Which repositories may be shown. */
export type Judged = Pick<FindOptions, "allowed" | "onRefused">;

/** An entry of a directory, as far as a search looks at it. */
export type FoundEntry = Pick<Dirent, "name" | "isDirectory">;

/** What a search asks of the file system. */
export interface DirectoryReader {
  /** The entries of a directory; none when it can't be listed. */
  list(path: string): readonly FoundEntry[];
  /** The root of the working tree of a directory with an entry `.git`; `undefined` when that is no repository. */
  rootAt(path: string, judged: Judged): string | undefined;
}

/** Directories that hold other people's repositories, by the thousand. */
export const SKIPPED: ReadonlySet<string> = new Set([
  "node_modules",
  "vendor",
  "target",
  ".git",
  ".cache",
  ".npm",
  ".cargo",
  ".rustup",
]);

/**
 * The working trees at or under a directory: the one that holds it, or else those found below, nearest first. A
 * repository that is found is not searched for others, and symbolic links are not followed.
 *
 * @param directory absolute path
 * @returns roots, ascending; empty when there are none
 */
export async function findRepositories(directory: string, options: FindOptions = {}): Promise<string[]> {
  const { maxDepth = 4, maxDirectories = 20_000, reader = DISK, ...judged } = options;
  const roots = new Set<string>();
  let level = [directory];
  let listed = 0;
  for (let depth = 0; depth <= maxDepth && level.length > 0; depth++) {
    const next: string[] = [];
    for (const path of level) {
      if (listed++ >= maxDirectories) return [...roots].sort();
      const entries = reader.list(path);
      if (entries.some((entry) => entry.name === ".git")) {
        const root = reader.rootAt(path, judged);
        if (root !== undefined) {
          roots.add(root);
          continue;
        }
      }
      for (const entry of entries) {
        if (entry.isDirectory() && !SKIPPED.has(entry.name)) next.push(join(path, entry.name));
      }
    }
    level = next;
  }
  return [...roots].sort();
}

/** Reads what is on the disk. */
export const DISK: DirectoryReader = { list, rootAt };

function list(path: string): FoundEntry[] {
  try {
    // files are of no interest, and a home directory has many
    return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory() || entry.name === ".git");
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return []; // vanished, or not ours to read: no repository that could be shown
  }
}

function rootAt(path: string, { allowed, onRefused }: Judged): string | undefined {
  try {
    return openRepositoryAt(path, "none", allowed).root;
  } catch (error) {
    if (error instanceof TreewireError && error.code === "TW_PATH_REFUSED") onRefused?.(path);
    return undefined; // a `.git` that git would not take either; naming the path itself gives the reason
  }
}
