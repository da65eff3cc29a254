import { readdirSync } from "node:fs";
import type { IndexFile } from "../../git/index.js";
import { systemCode } from "../../util/index.js";
import { stampOf } from "../file-stamp.js";
import { joinPath, nativePath, parentPath } from "../paths.js";
import { Candidates } from "./candidates.js";
import type { CheckThread } from "./check-thread.js";
import type { Coverage } from "./coverage.js";
import { DirectoryCheck, UNCHANGED } from "./directory-check.js";
import { DirectoryNode } from "./directory-node.js";
import { DirectoryRules, type RuleSource } from "./directory-rules.js";
import { IndexComparison } from "./index-comparison.js";
import type { IndexDirectory, IndexTree } from "./index-tree.js";
import { InitialScan, type InitialScanHost } from "./initial-scan.js";
import { DENIED, type FileStats, lookAt } from "./lstat.js";
import { SeenFiles } from "./seen-files.js";

const GITLINK = 0o160000;

/** What the model asks of the repository. */
export interface ScannedRepository extends RuleSource {
  readonly root: string;
  readonly clearsSkipWorktreeOfPresentFiles: boolean;
  readonly ignoresCase: boolean;
  /** Whether the directory is the working tree of another repository. */
  isNestedRepository(path: string): boolean;
}

/**
 * The model of one working tree's files, compared with the index: which tracked paths are not proven unchanged, which
 * paths are untracked, and which directories are walked. It is brought up to date by looking: {@link examine} for one
 * path, {@link step} for the directories that wait to be listed. All calls are synchronous; the caller slices time.
 *
 * A directory is covered by the watcher **before** it is listed, and each of its entries is looked at after that, so
 * whatever changes later is reported (docs/watching.md, point 2).
 */
export class TreeScan {
  readonly candidates = new Candidates();
  /** Every `.gitattributes` in a directory that is walked. */
  readonly attributeFiles = new SeenFiles();
  /** A directory may have come or gone since the caller last cleared this: links may lead elsewhere. */
  directoriesMoved = false;
  /** Directories that can't be listed: path → system error code. */
  readonly unreadable = new Map<string, string>();

  root = new DirectoryNode(undefined, "", 0);
  readonly #repository: ScannedRepository;
  readonly #rules: DirectoryRules;
  readonly #coverage: Coverage;
  #index: IndexFile;
  #tree: IndexTree;
  #first: InitialScan | undefined;
  #judge: DirectoryCheck;
  #files: IndexComparison;
  /** In a sweep: the directories of the tracked paths that were on record when it began. */
  #recorded: ReadonlySet<string> | undefined;
  /** Directories to list, last in first out, so that few are open ends at a time. */
  #waiting: DirectoryNode[] = [];

  constructor(repository: ScannedRepository, coverage: Coverage, index: IndexFile, tree: IndexTree) {
    this.#repository = repository;
    this.#rules = new DirectoryRules(repository);
    this.#coverage = coverage;
    this.#index = index;
    this.#tree = tree;
    this.#judge = new DirectoryCheck(repository.root, index);
    this.#files = this.#trackedFiles(index);
  }

  /** Replaces the index. The caller then examines every path whose entry changed. */
  reindex(index: IndexFile, tree: IndexTree): void {
    this.#endFirst();
    this.#index = index;
    this.#tree = tree;
    this.#recorded = undefined;
    this.#judge = new DirectoryCheck(this.#repository.root, index);
    this.#files = this.#trackedFiles(index);
  }

  /** Whether nothing has been listed since all was forgotten. */
  get isNew(): boolean {
    return !this.root.listed && this.root.children.size === 0 && this.#waiting.includes(this.root);
  }

  /** Begins with what the index tells, when the tree {@link isNew}. @param ahead a thread that helps */
  listFirst(ahead: CheckThread | undefined): void {
    if (this.#tree.directories.length === 0) return;
    // what is as the index has it is not looked up among the records, so there must be none
    this.candidates.forgetAllTracked();
    const world: InitialScanHost = {
      cover: (node) => this.#cover(node),
      list: (node) => {
        if (this.#isCurrent(node)) this.#list(node);
      },
      look: (path) => {
        const stats = this.#lstat(path);
        return stats === DENIED ? undefined : stats;
      },
    };
    const { root } = this.#repository;
    this.#first = new InitialScan(world, this.root, { root, index: this.#index, tree: this.#tree, ahead });
    this.#waiting = [];
  }

  /** Forgets every directory and asks for the whole tree to be covered and listed anew, from the root down. */
  relist(): void {
    this.#endFirst();
    this.directoriesMoved = true;
    this.#drop(this.root);
    this.unreadable.clear();
    this.root = new DirectoryNode(undefined, "", 0);
    this.#waiting = [this.root];
  }

  /** Asks for every directory that is covered to be listed once more; the watches stay where they are. */
  sweep(): void {
    this.#endFirst();
    this.directoriesMoved = true;
    this.#waiting = [...this.root.subtree()].reverse(); // parents come first: what is below may go with them
    this.#recorded = new Set(Array.from(this.candidates.tracked.keys(), parentPath));
  }

  /** Ends all coverage. */
  close(): void {
    this.#endFirst();
    this.#drop(this.root);
    this.#waiting = [];
  }

  /** How many directories are covered. */
  countDirectories(): number {
    let count = 0;
    for (const _ of this.root.subtree()) count++;
    return count;
  }

  /**
   * Lists waiting directories until none is left or the time is over.
   * @param deadline in the milliseconds of `performance.now()`
   * @returns whether all is done
   */
  step(deadline: number): boolean {
    if (this.#first !== undefined) {
      if (!this.#first.step(deadline)) return false;
      this.#first = undefined;
    }
    for (let node = this.#waiting.pop(); node !== undefined; node = this.#waiting.pop()) {
      if (this.#isCurrent(node)) this.#list(node);
      if (performance.now() > deadline) return false;
    }
    this.#recorded = undefined;
    this.#lookBehindLinks();
    return true;
  }

  /**
   * Looks at one path again: whatever it is now, what the maps say of it and of everything below it is made true, if
   * need be by listing directories in the following {@link step}s.
   *
   * @param replaced whether the name may stand for another file than before (created, deleted, moved): then a
   *   directory is covered and listed anew, because its old watch may belong to what was moved away
   */
  examine(path: string, replaced: boolean): void {
    this.#endFirst(); // what it has seen would be older than this look
    this.#recorded = undefined;
    if (path === "") {
      this.#revisit(this.root);
      return;
    }
    if (this.#index.find(path) < 0) this.candidates.forgetTracked(path);
    let node = this.root;
    const names = path.split("/");
    for (const [depth, name] of names.entries()) {
      const isClosed = node.nested || node.submodule || this.unreadable.has(node.path);
      if (!node.listed && !isClosed) return; // it waits to be listed
      if (this.#isMisplaced(node)) {
        this.#examineEntry(node.parent ?? node, node.name, true);
        return;
      }
      const last = depth === names.length - 1;
      const child = node.children.get(name);
      if (last || child === undefined) {
        // without a covered directory on the way, the deepest one that is covered decides what its entry is now
        this.#examineEntry(node, name, replaced || !last);
        return;
      }
      node = child;
    }
  }

  /** What is behind a link in the place of a directory changes without an event of that place. */
  #lookBehindLinks(): void {
    for (const path of [...this.candidates.links]) {
      this.candidates.links.delete(path); // comes back, if it still is one
      if (this.#tree.has(path) && this.root.find(path) === undefined) this.#files.markMissingBelow(path);
    }
  }

  /** What was found so far goes for nothing; what was covered stays so. */
  #endFirst(): void {
    if (this.#first === undefined) return;
    this.#waiting = [...this.#first.nodes()].reverse();
    this.#first = undefined;
  }

  /** Whether what the index says of the directory has outdated how it is walked. */
  #isMisplaced(node: DirectoryNode): boolean {
    if (node.parent === undefined) return false;
    return node.tracked !== this.#tree.has(node.path) && (node.hasGit || this.#rules.exclude(node));
  }

  /** Whether the node still hangs in the tree: it may have been dropped while it waited. */
  #isCurrent(node: DirectoryNode): boolean {
    let at = node;
    while (at.parent !== undefined) {
      if (at.parent.children.get(at.name) !== at) return false;
      at = at.parent;
    }
    return at === this.root;
  }

  #examineEntry(node: DirectoryNode, name: string, replaced: boolean): void {
    if (name === ".git") {
      // a nested repository begins or ends; the root's own is the tracker's business
      if (node.parent !== undefined) this.#examineEntry(node.parent, node.name, true);
      return;
    }
    if (node.nested || node.submodule) return;
    if (name === ".gitignore") {
      this.#revisitForRules(node);
      return;
    }
    const path = joinPath(node.path, name);
    const child = node.children.get(name);
    const takenAt = Date.now();
    const stats = this.#lstat(path);
    if (stats === DENIED) return;
    if (replaced && (stats === undefined || !stats.isFile())) this.directoriesMoved = true;
    const covered = child !== undefined && !child.submodule && !this.unreadable.has(path);
    if (stats?.isDirectory() && covered && !replaced) return; // its times moved
    if (replaced || this.unreadable.has(path)) this.#dropChild(node, name);
    this.#place(node, name, stats, takenAt);
    if (stats?.isDirectory() !== true && this.#tree.has(path)) this.#files.markMissingBelow(path);
  }

  #revisitForRules(node: DirectoryNode): void {
    const path = joinPath(node.path, ".gitignore");
    const stats = this.#lstat(path);
    const isOutdated = this.#rules.areOutdated(node);
    if (stats !== DENIED) this.#place(node, ".gitignore", stats, Date.now());
    if (isOutdated) this.#revisit(node);
  }

  #revisit(node: DirectoryNode): void {
    if (node.parent === undefined) this.relist();
    else this.#examineEntry(node.parent, node.name, true);
  }

  /** Records what one entry of a listed directory is. */
  #place(node: DirectoryNode, name: string, stats: FileStats | undefined, takenAt: number): void {
    const path = joinPath(node.path, name);
    if (name === ".gitattributes") this.attributeFiles.see(path, stats, takenAt);
    const found = this.#index.find(path);
    const position = found < 0 ? undefined : found;
    if (stats?.isDirectory()) {
      this.candidates.forgetUntracked(node, name);
      if (position !== undefined) {
        // a submodule's directory is its entry's business; in place of a tracked file, the file is gone
        const isVouchedFor = this.#files.assumesUnchanged(position, true);
        if (this.#index.mode(position) === GITLINK) {
          if (isVouchedFor) this.candidates.forgetTracked(path);
          else this.candidates.setTracked(path, stampOf(stats, takenAt));
          this.#enterSubmodule(node, name, stats.ino);
          return;
        }
        const isRepository = !isVouchedFor && this.#repository.isNestedRepository(path);
        if (isVouchedFor) this.candidates.forgetTracked(path);
        else this.candidates.setTracked(path, isRepository ? stampOf(stats, takenAt) : undefined);
      }
      this.#enter(node, name, path, stats.ino);
      return;
    }
    this.#dropChild(node, name);
    if (position !== undefined) {
      this.candidates.forgetUntracked(node, name);
      this.#files.compare(path, position, stats, takenAt);
      return;
    }
    this.candidates.forgetTracked(path);
    const listed =
      stats !== undefined &&
      (stats.isFile() || stats.isSymbolicLink()) && // git never lists FIFOs, sockets and devices
      !this.#rules.exclude(node) &&
      !this.#rules.of(node).ignores(name, false) &&
      !(this.#repository.ignoresCase && this.#tree.hasInAnyCase(path));
    if (!listed) {
      this.candidates.forgetUntracked(node, name);
      return;
    }
    this.candidates.setUntracked(node, name, stampOf(stats, takenAt));
  }

  /** Decides whether a directory is walked, and lets it wait for its listing. */
  #enter(parent: DirectoryNode, name: string, path: string, inode: number): void {
    const tracked = this.#tree.has(path);
    const excluded = this.#rules.excludeDirectory(parent, name);
    const known = parent.children.get(name);
    const same = known?.inode === inode && known.tracked === tracked && this.#rules.exclude(known) === excluded;
    if (same && !known.submodule) return;
    this.#dropChild(parent, name);
    if (excluded && !tracked) return;
    const node = new DirectoryNode(parent, name, inode);
    node.excluded = excluded;
    node.tracked = tracked;
    parent.children.set(name, node);
    this.#waiting.push(node);
  }

  #enterSubmodule(parent: DirectoryNode, name: string, inode: number): void {
    const known = parent.children.get(name);
    if (known?.inode === inode && known.submodule) return;
    this.#dropChild(parent, name);
    const node = new DirectoryNode(parent, name, inode);
    node.submodule = true;
    parent.children.set(name, node);
    this.#waiting.push(node);
  }

  #trackedFiles(index: IndexFile): IndexComparison {
    return new IndexComparison(index, this.candidates, {
      repository: this.#repository,
      isPresent: (path) => this.#lstat(path) !== undefined,
    });
  }

  #cover(node: DirectoryNode): void {
    if (node.watches.length === 0) node.watches.push(...this.#coverage.cover(node));
  }

  /** Covers a directory, unless it is, and records what each of its entries is. */
  #list(node: DirectoryNode): void {
    this.#cover(node);
    if (node.submodule) return;
    const directory = this.#tree.get(node.path);
    if (directory !== undefined && this.#isStillAsIndexed(node, directory)) return;
    const names = this.#readNames(node);
    if (names === undefined) return;
    if (!this.#isEntered(node, names, directory !== undefined)) {
      this.#forgetAllBut(node, new Set());
      return;
    }
    if (this.#rules.areOutdated(node)) this.#revisit(node);
    else this.#placeAll(node, names, directory);
  }

  /** Records what the entries of a directory are. */
  #placeAll(node: DirectoryNode, names: readonly string[], directory: IndexDirectory | undefined): void {
    const proofs = this.#first?.proofs;
    const files = directory?.files();
    const directories = new Set(directory?.children.map((child) => child.name));
    const takenAt = Date.now();
    let found = 0;
    for (const name of names) {
      if (name === ".git") continue;
      const position = files?.get(name);
      const isProven = position !== undefined && proofs?.[position] === UNCHANGED;
      if (isProven || (proofs !== undefined && directories.has(name) && node.children.has(name))) {
        found++;
        continue;
      }
      const stats = this.#lstat(joinPath(node.path, name));
      if (stats === undefined) continue;
      if (stats === DENIED) return; // what can't be looked at is not missing
      if (position !== undefined) found++;
      if (directories.has(name) && stats.isDirectory()) found++;
      this.#place(node, name, stats, takenAt);
    }
    if (node.listed) this.#forgetAllBut(node, new Set(names));
    node.listed = true;
    if (files !== undefined && found < files.size + directories.size) {
      this.#markMissing(node, files, directories, new Set(names));
    }
  }

  /** Whether a sweep finds a directory of which nothing had to be remembered just as the index has it once more. */
  #isStillAsIndexed(node: DirectoryNode, { path, runs, children }: IndexDirectory): boolean {
    const isPlain = node.listed && !node.hasGit && node.untracked.size === 0 && !this.unreadable.has(path);
    if (!isPlain || this.#recorded?.has(path) !== false || this.attributeFiles.has(joinPath(path, ".gitattributes"))) {
      return false;
    }
    const hasAll = children.every((child) => {
      const known = node.children.get(child.name);
      const stats = known && this.#lstat(child.path);
      return stats !== DENIED && stats?.isDirectory() === true && stats.ino === known?.inode && known.tracked;
    });
    if (!hasAll || node.children.size !== children.length) return false;
    return this.#judge.isUnchanged({ path, runs, children: children.length });
  }

  /** `undefined`: it can't be listed, which is noted. */
  #readNames(node: DirectoryNode): string[] | undefined {
    try {
      const names = readdirSync(nativePath(this.#repository.root, node.path), "latin1");
      this.unreadable.delete(node.path);
      return names;
    } catch (error) {
      const code = systemCode(error) ?? "EIO";
      // gone again, or replaced by something else: the event of that is on its way
      if (code !== "ENOENT" && code !== "ENOTDIR") this.unreadable.set(node.path, code);
      else if (this.#tree.has(node.path)) this.#files.markMissingBelow(node.path);
      return undefined;
    }
  }

  /** Whether what lies in the directory belongs to this tree, and not to a repository of its own. */
  #isEntered(node: DirectoryNode, names: readonly string[], tracked: boolean): boolean {
    const hasGit = node.parent !== undefined && names.includes(".git");
    if (hasGit && !node.hasGit) node.watches.push(...this.#coverage.coverGitDirectory(node));
    node.hasGit = hasGit;
    node.nested = hasGit && !tracked && this.#repository.isNestedRepository(node.path);
    return !node.nested;
  }

  /** Takes out what an earlier listing found and this one did not. */
  #forgetAllBut(node: DirectoryNode, names: ReadonlySet<string>): void {
    if (!names.has(".gitattributes")) this.attributeFiles.see(joinPath(node.path, ".gitattributes"), undefined, 0);
    for (const name of node.untracked) if (!names.has(name)) this.candidates.forgetUntracked(node, name);
    for (const [name, child] of node.children) if (!names.has(name)) this.#drop(child);
  }

  #markMissing(
    node: DirectoryNode,
    files: ReadonlyMap<string, number>,
    directories: ReadonlySet<string>,
    names: ReadonlySet<string>,
  ): void {
    for (const [name, position] of files) {
      if (!names.has(name)) this.#files.compare(joinPath(node.path, name), position, undefined, 0);
    }
    for (const name of directories) {
      if (!node.children.has(name)) this.#files.markMissingBelow(joinPath(node.path, name));
    }
  }

  #dropChild(node: DirectoryNode, name: string): void {
    const child = node.children.get(name);
    if (child !== undefined) this.#drop(child);
  }

  /** Takes a directory and all below it out of the model. Tracked paths below are left to the caller. */
  #drop(node: DirectoryNode): void {
    for (const each of node.subtree()) {
      for (const watch of each.watches) watch.close();
      each.watches = [];
      for (const name of each.untracked) this.candidates.forgetUntracked(each, name);
      this.attributeFiles.see(joinPath(each.path, ".gitattributes"), undefined, 0);
      this.unreadable.delete(each.path);
    }
    if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
  }

  /** `undefined`: not there. {@link DENIED}: unknown, which is noted; what was known of the path stands. */
  #lstat(path: string): FileStats | undefined | typeof DENIED {
    const stats = lookAt(nativePath(this.#repository.root, path));
    if (stats === DENIED) this.unreadable.set(parentPath(path), "EACCES");
    return stats;
  }
}
