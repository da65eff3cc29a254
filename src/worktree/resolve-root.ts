// Apart from the looks at trees: an agent that nobody watches has to know where trees are, and loads nothing more.
import { linkedWorktrees, refusal } from "../git/index.js";
import { TreewireError } from "../util/index.js";
import { openRepositoryAt } from "./root-places.js";

/**
 * The root of the working tree that holds a path. Throws like `scanOnce`.
 *
 * @param allowed directories out of which it must not lead, else `TW_PATH_REFUSED`. Default: it may be anywhere
 */
export async function resolveRoot(path: string, allowed?: readonly string[]): Promise<string> {
  return openRepositoryAt(path, "none", allowed).root;
}

/**
 * The roots of the working trees of a bare repository, ascending: those that git has made for it, wherever they are.
 *
 * @param path the repository, or a directory with a `.git` that leads to it
 * @param allowed directories out of which none must lead: others are left out. Default: they may be anywhere
 * @throws TreewireError `TW_PATH_REFUSED` when there are some, but none that may be shown
 */
export async function resolveWorktrees(path: string, allowed?: readonly string[]): Promise<string[]> {
  const roots = new Set<string>();
  let isRefused = false;
  for (const directory of linkedWorktrees(path)) {
    try {
      roots.add(openRepositoryAt(directory, "none", allowed).root);
    } catch (error) {
      if (!(error instanceof TreewireError)) throw error; // gone, or another user's: naming it gives the reason
      isRefused ||= error.code === "TW_PATH_REFUSED";
    }
  }
  if (isRefused && roots.size === 0) throw refusal(path);
  return [...roots].sort();
}
