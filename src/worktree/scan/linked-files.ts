import { joinPath } from "../paths.js";
import type { Coverage } from "./coverage.js";
import type { DirectoryNode, FileLink } from "./directory-node.js";
import type { FileStats } from "./lstat.js";

/**
 * The names that stand for files with other names: hard links, and what is mounted over a name. A directory's watch
 * reports what is written by a name in it. What is written by another name, outside of the tree or in a directory that is
 * not walked, only a watch of the file itself reports.
 */
export class LinkedFiles {
  /** How many names are not watched because there are too many. */
  unwatched = 0;
  readonly #coverage: Coverage;
  /** The lower 32 bits of the inodes of which a name was found since the caller last took them. */
  #found = new Set<number>();

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  /**
   * Watches the file behind a name, or no longer.
   * @param stats what is there; `undefined`: nothing that counts
   * @returns whether it is watched only now: then it is to be looked at once more
   */
  see(node: DirectoryNode, name: string, stats: FileStats | undefined): boolean {
    const known = node.links?.get(name);
    const path = joinPath(node.path, name);
    if (!stats?.isFile() || (stats.nlink <= 1 && !this.#coverage.isMountPoint(path))) {
      if (known !== undefined) this.#forget(node, name, known);
      return false;
    }
    if (known?.inode === stats.ino) return false;
    const [watch] = this.#coverage.coverFile(path);
    if (known !== undefined) this.#forget(node, name, known);
    this.#add(node, name, { inode: stats.ino, watch });
    if (watch !== undefined) this.#found.add(stats.ino % 2 ** 32);
    return watch !== undefined;
  }

  /** Notes a name that can't be watched: there are too many already. */
  leaveOut(node: DirectoryNode, name: string): void {
    if (node.links?.has(name) !== true) this.#add(node, name, { inode: 0, watch: undefined });
  }

  /** Forgets the names in a directory that are not among these. */
  forgetAllBut(node: DirectoryNode, names: ReadonlySet<string>): void {
    for (const [name, known] of node.links ?? []) if (!names.has(name)) this.#forget(node, name, known);
  }

  /** Takes the inodes of which a name was found, each modulo 2^32 as the index has them: others may be in the tree. */
  takeFound(): ReadonlySet<number> {
    const found = this.#found;
    if (found.size > 0) this.#found = new Set();
    return found;
  }

  #add(node: DirectoryNode, name: string, link: FileLink): void {
    node.links ??= new Map();
    node.links.set(name, link);
    if (link.watch === undefined) this.unwatched += 1;
  }

  #forget(node: DirectoryNode, name: string, { watch }: FileLink): void {
    node.links?.delete(name);
    if (watch === undefined) this.unwatched -= 1;
    else watch.close();
  }
}
