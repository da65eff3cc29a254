import { type FilterPolicy, openRepository, type Repository } from "../git/index.js";

/**
 * The directories that hold the `.git` of roots that `core.worktree` has put elsewhere: root → directory. A root is what
 * a tree is called everywhere, and from such a root git finds no way back to its repository.
 */
const tops = new Map<string, string>();

/**
 * Opens the repository that a path is in, and remembers how its root is found again. Throws like `openRepository`.
 *
 * @param path any path inside the tree
 * @param filters whose filters are run, as `openRepository` takes them
 * @param allowed directories out of which it must not lead, as `openRepository` takes them. Default: it may lead anywhere
 */
export function openRepositoryAt(path: string, filters: FilterPolicy, allowed?: readonly string[]): Repository {
  const repository = openRepository(path, process.env, filters, allowed);
  if (repository.top === repository.root) tops.delete(repository.root);
  else tops.set(repository.root, repository.top);
  return repository;
}

/** The directory that holds the `.git` of a root; the root itself unless another one was found. */
export function topOf(root: string): string {
  return tops.get(root) ?? root;
}
