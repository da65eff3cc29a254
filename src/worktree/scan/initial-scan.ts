import type { IndexFile } from "../../git/index.js";
import { CheckState, makeSharedProgress, type SecondThread, type SharedProgress } from "./check-thread.js";
import { DirectoryCheck, UNCHANGED_LINK, type UnchangedEntries } from "./directory-check.js";
import { DirectoryNode } from "./directory-node.js";
import type { IndexDirectory, IndexTree } from "./index-tree.js";
import { KnownListings } from "./known-listings.js";
import type { ListingRecord } from "./listing-record.js";
import type { FileStats } from "./lstat.js";

/** The second thread is notified once for so many covered directories. */
const NOTIFIED_AT_ONCE = 16;

/** What the initial scan asks of the scan that it begins. */
export interface InitialScanHost {
  /** Places the directory's watch. */
  cover(node: DirectoryNode): void;
  /** Lists a directory that is not just as the index has it. @param unchangedEntries what need not be looked at again */
  list(node: DirectoryNode, unchangedEntries: UnchangedEntries): void;
  /** A file in a directory that is just as the index has it has other names too. */
  link(node: DirectoryNode, position: number): void;
  /** What is at a byte path, or `undefined`: nothing, or it is not known. */
  look(path: string): FileStats | undefined;
}

/**
 * The first look at a whole tree: covers every directory that holds tracked files, from the root down, and checks each
 * after it was covered, with the help of a second thread. A directory that is not as the index has it is listed.
 */
export class InitialScan {
  readonly #host: InitialScanHost;
  readonly #directories: readonly IndexDirectory[];
  readonly #progress: SharedProgress;
  readonly #check: DirectoryCheck;
  readonly #secondThread: SecondThread | undefined;
  readonly #record: ListingRecord | undefined;
  readonly #nodes = new Map<IndexDirectory, DirectoryNode>();
  /** Those that lack a directory that the index has. An equal count of names would not show it. */
  readonly #incomplete = new Set<IndexDirectory>();
  #covered = 0;
  /** All from here on are checked. */
  #checked: number;
  /** All before this one are unchanged, or listed. */
  #settled = 0;

  /** @param rootNode not yet covered @param root absolute path */
  constructor(
    host: InitialScanHost,
    rootNode: DirectoryNode,
    options: {
      root: string;
      index: IndexFile;
      indexTree: IndexTree;
      secondThread: SecondThread | undefined;
      record?: ListingRecord | undefined;
    },
  ) {
    const { root, index, indexTree, secondThread, record } = options;
    const { directories } = indexTree;
    this.#host = host;
    this.#directories = directories;
    this.#record = record;
    this.#progress = makeSharedProgress(directories.length, index.count, record?.listings);
    const { unchangedEntries, listings } = this.#progress;
    this.#check = new DirectoryCheck(root, index, unchangedEntries, listings && new KnownListings(listings));
    this.#secondThread = secondThread;
    this.#checked = directories.length;
    const [first] = directories;
    if (first !== undefined) this.#nodes.set(first, rootNode);
    secondThread?.assign(index.share(), this.#progress, directories);
  }

  /** @param deadline in the milliseconds of `performance.now()` @returns whether all is done */
  step(deadline: number): boolean {
    while (this.#covered < this.#directories.length) {
      this.#coverNext();
      if (performance.now() > deadline) return false;
    }
    while (this.#settled < this.#directories.length) {
      if (!this.#settleNext() && this.#checked > 0) this.#checkLast(deadline);
      if (performance.now() > deadline) return false;
    }
    this.#record?.save();
    return true;
  }

  /** The directories that were covered so far; parents before what is below them. */
  *nodes(): Generator<DirectoryNode> {
    for (const directory of this.#directories) {
      const node = this.#nodes.get(directory);
      if (node !== undefined) yield node;
    }
  }

  #coverNext(): void {
    const at = this.#covered;
    const directory = this.#directories[at];
    if (directory === undefined) return;
    const node = this.#nodes.get(directory) ?? this.#enter(directory);
    if (node === undefined) this.#setState(at, CheckState.changed);
    else this.#host.cover(node);
    this.#covered += 1;
    if (this.#covered % NOTIFIED_AT_ONCE !== 0 && this.#covered < this.#directories.length) return;
    Atomics.store(this.#progress.covered, 0, this.#covered);
    Atomics.notify(this.#progress.covered, 0);
  }

  /** @returns `undefined` when there is no such directory */
  #enter(directory: IndexDirectory): DirectoryNode | undefined {
    const parent = directory.parent && this.#nodes.get(directory.parent);
    const stats = parent && this.#host.look(directory.path);
    if (parent === undefined || stats?.isDirectory() !== true) {
      if (directory.parent !== undefined) this.#incomplete.add(directory.parent);
      return undefined;
    }
    const node = new DirectoryNode(parent, directory.name, stats.ino);
    node.tracked = true;
    parent.setChild(node);
    this.#nodes.set(directory, node);
    return node;
  }

  /** @returns whether the next one was checked already */
  #settleNext(): boolean {
    const at = this.#settled;
    const state = Atomics.load(this.#progress.states, at);
    if (state === CheckState.pending || state === CheckState.claimed) return false;
    const directory = this.#directories[at];
    const node = directory && this.#nodes.get(directory);
    if (directory !== undefined && node !== undefined) {
      if (state === CheckState.unchanged && !this.#incomplete.has(directory)) {
        node.listed = true;
        this.#settleLinks(directory, node);
      } else this.#host.list(node, this.#progress.unchangedEntries);
    }
    this.#settled += 1;
    return true;
  }

  #settleLinks({ runs }: IndexDirectory, node: DirectoryNode): void {
    const { unchangedEntries } = this.#progress;
    for (let run = 0; run + 1 < runs.length; run += 2) {
      const end = runs[run + 1] ?? 0;
      for (let position = runs[run] ?? 0; position < end; position++) {
        if (unchangedEntries[position] === UNCHANGED_LINK) this.#host.link(node, position);
      }
    }
  }

  /** Checks the last directory that is not checked, or waits for the thread that is at it. */
  #checkLast(deadline: number): void {
    const at = this.#checked - 1;
    const directory = this.#directories[at];
    const { states } = this.#progress;
    const state = Atomics.compareExchange(states, at, CheckState.pending, CheckState.claimed);
    if (state === CheckState.claimed && this.#secondThread?.ended === false) {
      const waited = Atomics.wait(states, at, CheckState.claimed, Math.max(0, deadline - performance.now()));
      if (waited === "timed-out") return;
    } else if (directory !== undefined && (state === CheckState.pending || state === CheckState.claimed)) {
      const { path, runs, children } = directory;
      const isUnchanged = this.#check.isUnchanged({ at, path, runs, children: children.length });
      this.#setState(at, isUnchanged ? CheckState.unchanged : CheckState.changed);
    }
    this.#checked -= 1;
  }

  #setState(at: number, state: number): void {
    Atomics.store(this.#progress.states, at, state);
  }
}
