import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { systemCode } from "../util/index.js";
import { openRepositoryAt } from "./root-places.js";

export interface FindOptions {
  /** How many directories below the start are entered. Default 4: `~/src/host/owner/project`. */
  maxDepth?: number;
  /** How many directories are listed at most. Default 20,000, half a second's work. */
  maxDirectories?: number;
}

/** Directories that hold other people's repositories, by the thousand. */
const SKIPPED = new Set(["node_modules", "vendor", "target", ".git", ".cache", ".npm", ".cargo", ".rustup"]);

/**
 * The working trees at or under a directory: the one that holds it, or else those found below, nearest first. A
 * repository that is found is not searched for others, and symbolic links are not followed.
 *
 * @param directory absolute path
 * @returns roots, ascending; empty when there are none
 */
export async function findRepositories(directory: string, options: FindOptions = {}): Promise<string[]> {
  const { maxDepth = 4, maxDirectories = 20_000 } = options;
  const roots = new Set<string>();
  let level = [directory];
  let listed = 0;
  for (let depth = 0; depth <= maxDepth && level.length > 0; depth++) {
    const next: string[] = [];
    for (const path of level) {
      if (listed++ >= maxDirectories) return [...roots].sort();
      const entries = list(path);
      if (entries.some((entry) => entry.name === ".git")) {
        const root = await rootAt(path);
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

function list(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return []; // vanished, or not ours to read: no repository that could be shown
  }
}

async function rootAt(path: string): Promise<string | undefined> {
  try {
    return openRepositoryAt(path).root;
  } catch {
    return undefined; // a `.git` that git would not take either; naming the path itself gives the reason
  }
}
