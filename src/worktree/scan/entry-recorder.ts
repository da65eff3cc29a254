import type { IndexFile } from "../../git/index.js";
import { fileSystemPath } from "../../git/index.js";
import { GITLINK } from "../file-mode.js";
import { stampOf } from "../file-stamp.js";
import { joinPath, parentPath } from "../paths.js";
import type { Candidates } from "./candidates.js";
import type { DirectoryNode } from "./directory-node.js";
import type { DirectoryRules, RuleSource } from "./directory-rules.js";
import type { DirectoryTree } from "./directory-tree.js";
import { IndexComparison } from "./index-comparison.js";
import type { IndexTree } from "./index-tree.js";
import { DENIED, type FileStats, lookAt } from "./lstat.js";

/** What a scan asks of the repository. */
export interface ScannedRepository extends RuleSource {
  readonly root: string;
  readonly clearsSkipWorktreeOfPresentFiles: boolean;
  readonly ignoresCase: boolean;
  /** Whether the directory is the working tree of another repository. */
  isNestedRepository(path: string): boolean;
}

/** A working tree beside one version of its index. */
export interface IndexedTree {
  readonly repository: ScannedRepository;
  readonly directories: DirectoryTree;
  readonly candidates: Candidates;
  readonly rules: DirectoryRules;
  readonly index: IndexFile;
  readonly indexTree: IndexTree;
}

/** `PATH_MAX` of Linux, with the NUL at the end; elsewhere it is less, or there is none. */
const MAX_PATH_BYTES = 4096;

/** Looks at paths and records what is there: a file that may differ from its entry, an untracked one, a directory. */
export class EntryRecorder {
  readonly #repository: ScannedRepository;
  readonly #directories: DirectoryTree;
  readonly #candidates: Candidates;
  readonly #rules: DirectoryRules;
  readonly #index: IndexFile;
  readonly #indexTree: IndexTree;
  readonly #comparison: IndexComparison;

  constructor({ repository, directories, candidates, rules, index, indexTree }: IndexedTree) {
    this.#repository = repository;
    this.#directories = directories;
    this.#candidates = candidates;
    this.#rules = rules;
    this.#index = index;
    this.#indexTree = indexTree;
    const isPresent = (path: string): boolean => this.look(path) !== undefined;
    this.#comparison = new IndexComparison(index, candidates, { repository, isPresent });
  }

  /** `undefined`: not there. {@link DENIED}: unknown, which is noted; what was known of the path stands. */
  look(path: string): FileStats | undefined | typeof DENIED {
    const stats = lookAt(fileSystemPath(this.#repository.root, path));
    if (stats === DENIED) this.#directories.unreadable.set(parentPath(path), "EACCES");
    if (stats === undefined && this.#isTooLong(path)) this.#directories.tooDeep.add(parentPath(path));
    return stats;
  }

  /** Whether the system refuses the path for its length, so that nothing can be said of what is there. */
  #isTooLong(path: string): boolean {
    return Buffer.byteLength(this.#repository.root) + 1 + path.length >= MAX_PATH_BYTES;
  }

  /**
   * Records what one entry of a listed directory is.
   * @param stats `undefined`: nothing @param takenAt milliseconds since 1970, not after the look
   */
  record(node: DirectoryNode, name: string, stats: FileStats | undefined, takenAt: number): void {
    const path = joinPath(node.path, name);
    if (name === ".gitattributes") this.#directories.attributeFiles.see(path, stats, takenAt);
    const found = this.#index.find(path);
    const position = found < 0 ? undefined : found;
    if (stats?.isDirectory()) {
      this.#recordDirectory(node, name, stats, position, takenAt);
      return;
    }
    this.#directories.dropChild(node, name);
    if (position !== undefined) {
      if (this.#isWatchedAnew(node, name, stats)) return;
      this.#candidates.forgetUntracked(node, name);
      this.#comparison.compare(path, position, stats, takenAt);
      return;
    }
    this.#candidates.forgetTracked(path);
    const isShown =
      stats !== undefined &&
      (stats.isFile() || stats.isSymbolicLink()) && // git never lists FIFOs, sockets and devices
      !this.#rules.exclude(node) &&
      !this.#rules.of(node).ignores(name, false) &&
      !(this.#repository.ignoresCase && this.#indexTree.hasInAnyCase(path));
    if (this.#isWatchedAnew(node, name, isShown ? stats : undefined)) return;
    if (isShown) this.#candidates.setUntracked(node, name, stampOf(stats, takenAt));
    else this.#candidates.forgetUntracked(node, name);
  }

  /** Records that a tracked file is not there. @param position of the path's (first) entry */
  recordMissing(path: string, position: number): void {
    this.#comparison.compare(path, position, undefined, 0);
  }

  /** Records that the tracked files below a path are not there, because no directory is. */
  recordMissingBelow(path: string): void {
    this.#comparison.markMissingBelow(path);
  }

  /** Watches a file with several names; one that is watched only now is looked at once more, and recorded. */
  #isWatchedAnew(node: DirectoryNode, name: string, stats: FileStats | undefined): boolean {
    if (!this.#directories.links.see(node, name, stats)) return false;
    const takenAt = Date.now();
    const again = this.look(joinPath(node.path, name));
    if (again === DENIED) return false;
    this.record(node, name, again, takenAt);
    return true;
  }

  #recordDirectory(
    node: DirectoryNode,
    name: string,
    stats: FileStats,
    position: number | undefined,
    takenAt: number,
  ): void {
    const path = joinPath(node.path, name);
    this.#candidates.forgetUntracked(node, name);
    this.#directories.links.see(node, name, undefined);
    if (position !== undefined) {
      // a submodule's directory is its entry's business; in place of a tracked file, the file is gone
      const isSubmodule = this.#index.mode(position) === GITLINK;
      if (this.#comparison.assumesUnchanged(position, true)) this.#candidates.forgetTracked(path);
      else {
        const isRepository = isSubmodule || this.#repository.isNestedRepository(path);
        this.#candidates.setTracked(path, isRepository ? stampOf(stats, takenAt) : undefined);
      }
      if (isSubmodule) {
        this.#enterSubmodule(node, name, stats.ino);
        return;
      }
    }
    this.#enter(node, name, path, stats.ino);
  }

  /** Decides whether a directory is walked, and lets it wait for its listing. */
  #enter(parent: DirectoryNode, name: string, path: string, inode: number): void {
    const tracked = this.#indexTree.has(path);
    const excluded = this.#rules.excludeDirectory(parent, name);
    const known = parent.children.get(name);
    const same = known?.inode === inode && known.tracked === tracked && this.#rules.exclude(known) === excluded;
    if (same && !known.submodule) return;
    if (excluded && !tracked) {
      this.#directories.dropChild(parent, name);
      return;
    }
    const node = this.#directories.add(parent, name, inode);
    node.excluded = excluded;
    node.tracked = tracked;
  }

  #enterSubmodule(parent: DirectoryNode, name: string, inode: number): void {
    const known = parent.children.get(name);
    if (known?.inode === inode && known.submodule) return;
    this.#directories.add(parent, name, inode).submodule = true;
  }
}
