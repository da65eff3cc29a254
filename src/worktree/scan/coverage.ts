import type { DirectoryNode, DirectoryWatch } from "./directory-node.js";

/**
 * Takes the byte path of a name that may have changed. `replaced`: the name may stand for another file than before; otherwise only
 * content or attributes of the file may differ.
 */
export type PathListener = (path: string, replaced: boolean) => void;

/** Where events come from. Events are hints: they say where to look, never what is true. */
export interface Coverage {
  /** Begins to report changes of the directory's entries. Empty when that can't be had, which the tree's health says. */
  cover(node: DirectoryNode): DirectoryWatch[];
  /** The same for `.git` in a directory that is not the root: whether it is a repository can change in there. */
  coverGitDirectory(node: DirectoryNode): DirectoryWatch[];
  /**
   * Begins to report changes of the file itself that is at a byte path, by whatever name they are made. Empty when that
   * can't be had.
   */
  coverFile(path: string): DirectoryWatch[];
  /** Whether something is mounted at a byte path: then its changes are reported elsewhere. */
  isMountPoint(path: string): boolean;
}

/** For a scan that nobody follows. */
export const NO_COVERAGE: Coverage = {
  cover: () => [],
  coverGitDirectory: () => [],
  coverFile: () => [],
  isMountPoint: () => false,
};
