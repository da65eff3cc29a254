import type { IndexFile } from "../../git/index.js";
import { baseName, joinPath, parentPath } from "../paths.js";
import { Candidates } from "./candidates.js";
import type { SecondThread } from "./check-thread.js";
import type { Coverage } from "./coverage.js";
import type { UnchangedEntries } from "./directory-check.js";
import { DirectoryListing } from "./directory-listing.js";
import type { DirectoryNode } from "./directory-node.js";
import { DirectoryRules } from "./directory-rules.js";
import { DirectoryTree } from "./directory-tree.js";
import { EntryRecorder, type IndexedTree, type ScannedRepository } from "./entry-recorder.js";
import type { IndexTree } from "./index-tree.js";
import { InitialScan, type InitialScanHost } from "./initial-scan.js";
import { ListingRecord } from "./listing-record.js";
import { DENIED } from "./lstat.js";

/**
 * Compares one working tree's files with the index: which tracked paths are not proven unchanged, which paths are
 * untracked, and which directories are walked. It is brought up to date by looking: {@link examine} for one path,
 * {@link step} for the directories that wait to be listed. All calls are synchronous; the caller slices time.
 *
 * A directory is covered by the watcher **before** it is listed, and each of its entries is looked at after that, so
 * whatever changes later is reported.
 */
export class TreeScan {
  readonly candidates = new Candidates();
  /** A directory may have come or gone since the caller last cleared this: links may lead elsewhere. */
  directoriesMoved = false;

  readonly #repository: ScannedRepository;
  readonly #rules: DirectoryRules;
  readonly #directories: DirectoryTree;
  #index: IndexFile;
  #indexTree: IndexTree;
  #recorder: EntryRecorder;
  #listing: DirectoryListing;
  #initialScan: InitialScan | undefined;
  /** In a sweep: the directories of the tracked paths that were candidates when it began. */
  #sweptCandidates: ReadonlySet<string> | undefined;

  /** Begins with nothing but the root, which waits to be listed. @param indexTree of `index` */
  constructor(repository: ScannedRepository, coverage: Coverage, index: IndexFile, indexTree: IndexTree) {
    this.#repository = repository;
    this.#rules = new DirectoryRules(repository);
    this.#directories = new DirectoryTree(coverage, this.candidates);
    this.#index = index;
    this.#indexTree = indexTree;
    [this.#recorder, this.#listing] = this.#lookBeside(index, indexTree);
    this.relist();
  }

  /** Every `.gitattributes` in a directory that is walked. */
  get attributeFiles(): DirectoryTree["attributeFiles"] {
    return this.#directories.attributeFiles;
  }

  /** Directories that can't be listed: path → system error code. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.#directories.unreadable;
  }

  /** Directories with entries that are left out because their path is too long. */
  get tooDeep(): ReadonlySet<string> {
    return this.#directories.tooDeep;
  }

  /** How many names of files with several names are not watched, because there are too many. */
  get unwatchedLinks(): number {
    return this.#directories.links.unwatched;
  }

  /** Whether nothing has been listed since all was forgotten. */
  get isNew(): boolean {
    return this.#directories.isNew;
  }

  /** Replaces the index. The caller then examines every path whose entry changed. @param indexTree of `index` */
  reindex(index: IndexFile, indexTree: IndexTree): void {
    this.#abandonInitialScan();
    this.#index = index;
    this.#indexTree = indexTree;
    this.#sweptCandidates = undefined;
    [this.#recorder, this.#listing] = this.#lookBeside(index, indexTree);
  }

  /** Lets the first {@link step}s follow the index, when the tree {@link isNew}. @param secondThread one that helps */
  beginInitialScan(secondThread: SecondThread | undefined): void {
    if (this.#indexTree.directories.length === 0) return;
    // a file that is proven unchanged is not looked up among the candidates, so there must be none
    this.candidates.forgetAllTracked();
    const host: InitialScanHost = {
      cover: (node) => this.#directories.cover(node),
      list: (node, unchangedEntries) => {
        if (this.#directories.isCurrent(node)) this.#list(node, unchangedEntries);
      },
      link: (node, position) => {
        const name = baseName(this.#index.path(position));
        // of so many links the rest is not looked at: there would be no watch for them
        if (this.#directories.links.unwatched > 0) this.#directories.links.leaveOut(node, name);
        else this.#lookAgain(node, name);
      },
      look: (path) => {
        const stats = this.#recorder.look(path);
        return stats === DENIED ? undefined : stats;
      },
    };
    this.#initialScan = new InitialScan(host, this.#directories.root, {
      root: this.#repository.root,
      index: this.#index,
      indexTree: this.#indexTree,
      secondThread,
      record: ListingRecord.open(this.#repository.root, this.#indexTree.directories),
    });
    this.#directories.setWaiting([]);
  }

  /** Forgets every directory and asks for the whole tree to be covered and listed anew, from the root down. */
  relist(): void {
    this.#abandonInitialScan();
    this.#sweptCandidates = undefined;
    this.directoriesMoved = true;
    this.#directories.restart();
  }

  /** Asks for every directory that is covered to be listed once more; the watches stay where they are. */
  sweep(): void {
    this.#abandonInitialScan();
    this.directoriesMoved = true;
    this.#directories.setAllWaiting();
    this.#sweptCandidates = new Set(Array.from(this.candidates.tracked.keys(), parentPath));
  }

  /** Ends all coverage. */
  close(): void {
    this.#initialScan = undefined;
    this.#directories.close();
  }

  /**
   * Lists waiting directories until none is left or the time is over.
   * @param deadline in the milliseconds of `performance.now()`
   * @returns whether all is done
   */
  step(deadline: number): boolean {
    if (this.#initialScan !== undefined) {
      if (!this.#initialScan.step(deadline)) return false;
      this.#initialScan = undefined;
    }
    for (let node = this.#directories.next(); node !== undefined; node = this.#directories.next()) {
      const swept = this.#sweptCandidates;
      if (swept === undefined || !this.#listing.isStillUnchanged(node, swept)) this.#list(node);
      if (performance.now() > deadline) return false;
    }
    this.#sweptCandidates = undefined;
    this.#lookBehindLinks();
    this.#lookAtOtherNames();
    return true;
  }

  /**
   * Looks at one path again: whatever it is now, what the candidates say of it and of everything below it is made true,
   * if need be by listing directories in the following {@link step}s.
   *
   * @param path byte path; "" for the root
   * @param replaced whether the name may stand for another file than before (created, deleted, moved): then a
   *   directory is covered and listed anew, because its old watch may belong to what was moved away
   * @param anew entries that were looked at as replaced since the caller began with these paths: a thousand paths below
   *   a directory that is not there are one look at its name
   */
  examine(path: string, replaced: boolean, anew = new Set<string>()): void {
    this.#abandonInitialScan(); // what it has seen would be older than this look
    this.#sweptCandidates = undefined;
    if (path === "") {
      this.#enterAnew(this.#directories.root);
      return;
    }
    if (this.#index.find(path) < 0) this.candidates.forgetTracked(path);
    let node = this.#directories.root;
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
        const isReplaced = replaced || !last;
        const entry = joinPath(node.path, name);
        if (isReplaced && anew.has(entry)) return;
        this.#examineEntry(node, name, isReplaced);
        if (isReplaced) anew.add(entry);
        return;
      }
      node = child;
    }
  }

  #lookBeside(index: IndexFile, indexTree: IndexTree): [EntryRecorder, DirectoryListing] {
    const tree: IndexedTree = {
      repository: this.#repository,
      directories: this.#directories,
      candidates: this.candidates,
      rules: this.#rules,
      index,
      indexTree,
    };
    const recorder = new EntryRecorder(tree);
    return [recorder, new DirectoryListing(tree, recorder)];
  }

  #list(node: DirectoryNode, unchangedEntries?: UnchangedEntries): void {
    if (!this.#listing.list(node, unchangedEntries)) this.#enterAnew(node);
  }

  /** A file that was found to have other names may have them in the tree: a change by one is one of all. */
  #lookAtOtherNames(): void {
    const inodes = this.#directories.links.takeFound();
    if (inodes.size === 0) return;
    const paths = new Set<string>();
    for (let position = 0; position < this.#index.count; position++) {
      if (inodes.has(this.#index.inode(position))) paths.add(this.#index.path(position));
    }
    for (const known of [this.candidates.tracked, this.candidates.untracked]) {
      for (const [path, stamp] of known) if (stamp !== undefined && inodes.has(stamp.ino % 2 ** 32)) paths.add(path);
    }
    for (const path of paths) {
      const node = this.#directories.root.find(parentPath(path));
      const name = baseName(path);
      if (node?.listed && node.links?.has(name) !== true) this.#lookAgain(node, name);
    }
    this.#directories.links.takeFound(); // those were looked for just now
  }

  #lookAgain(node: DirectoryNode, name: string): void {
    const takenAt = Date.now();
    const stats = this.#recorder.look(joinPath(node.path, name));
    if (stats !== DENIED) this.#recorder.record(node, name, stats, takenAt);
  }

  /** What is behind a link in the place of a directory changes without an event of that place. */
  #lookBehindLinks(): void {
    for (const path of [...this.candidates.links]) {
      this.candidates.links.delete(path); // comes back, if it still is one
      const isEntered = this.#directories.root.find(path) !== undefined;
      if (this.#indexTree.has(path) && !isEntered) this.#recorder.recordMissingBelow(path);
    }
  }

  /** Lets the directories that the initial scan has covered be listed instead; their watches stay. */
  #abandonInitialScan(): void {
    if (this.#initialScan === undefined) return;
    this.#directories.setWaiting(this.#initialScan.nodes());
    this.#initialScan = undefined;
  }

  /** Whether what the index says of the directory has outdated how it is walked. */
  #isMisplaced(node: DirectoryNode): boolean {
    if (node.parent === undefined) return false;
    return node.tracked !== this.#indexTree.has(node.path) && (node.hasGit || this.#rules.exclude(node));
  }

  #examineEntry(node: DirectoryNode, name: string, replaced: boolean): void {
    if (name === ".git") {
      // a nested repository begins or ends; the root's own is the tracker's business
      if (node.parent !== undefined) this.#examineEntry(node.parent, node.name, true);
      return;
    }
    if (node.nested || node.submodule) return;
    if (name === ".gitignore") {
      this.#examineIgnoreFile(node);
      return;
    }
    const path = joinPath(node.path, name);
    const child = node.children.get(name);
    const takenAt = Date.now();
    const stats = this.#recorder.look(path);
    if (stats === DENIED) return;
    if (replaced && (stats === undefined || !stats.isFile())) this.directoriesMoved = true;
    const covered = child !== undefined && !child.submodule && !this.unreadable.has(path);
    if (stats?.isDirectory() && covered && !replaced) return; // its times moved
    if (replaced || this.unreadable.has(path)) this.#directories.dropChild(node, name);
    this.#recorder.record(node, name, stats, takenAt);
    if (stats?.isDirectory() !== true && this.#indexTree.has(path)) this.#recorder.recordMissingBelow(path);
  }

  #examineIgnoreFile(node: DirectoryNode): void {
    const stats = this.#recorder.look(joinPath(node.path, ".gitignore"));
    const isOutdated = this.#rules.areOutdated(node);
    if (stats !== DENIED) this.#recorder.record(node, ".gitignore", stats, Date.now());
    if (isOutdated) this.#enterAnew(node);
  }

  /** Drops a directory and lets what is there now be entered, so that its ignore rules count. */
  #enterAnew(node: DirectoryNode): void {
    if (node.parent === undefined) this.relist();
    else this.#examineEntry(node.parent, node.name, true);
  }
}
