import type { IndexFile } from "../../git/index.js";
import { CheckState, type CheckThread, makeSharedProgress, type SharedProgress } from "./check-thread.js";
import { DirectoryCheck, type UnchangedEntries } from "./directory-check.js";
import { DirectoryNode } from "./directory-node.js";
import type { IndexDirectory, IndexTree } from "./index-tree.js";
import type { FileStats } from "./lstat.js";

/** The second thread is told of so many directories at a time. */
const TOLD_AT_ONCE = 16;

/** What the listing asks of the model that it is for. */
export interface InitialScanHost {
  /** Places the directory's watch. */
  cover(node: DirectoryNode): void;
  /** Makes the model of what is in the directory, which is not just as the index has it. */
  list(node: DirectoryNode): void;
  /** What is at a byte path, or `undefined`: nothing, or it can't be told. */
  look(path: string): FileStats | undefined;
}

/**
 * The first look at a whole tree: covers every directory that holds tracked files, from the root down, and judges each
 * after it was covered, with the help of a second thread. What is not as the index has it gets a listing meanwhile.
 */
export class InitialScan {
  /** See {@link UnchangedEntries}. */
  readonly proofs: UnchangedEntries;
  readonly #world: InitialScanHost;
  readonly #directories: readonly IndexDirectory[];
  readonly #desk: SharedProgress;
  readonly #judge: DirectoryCheck;
  readonly #ahead: CheckThread | undefined;
  readonly #nodes = new Map<IndexDirectory, DirectoryNode>();
  /** Those that lack a directory that the index has. An equal count of names would not tell. */
  readonly #incomplete = new Set<IndexDirectory>();
  #covered = 0;
  /** All from here on are judged. */
  #judged: number;
  /** All before this one are known to be as the index has them, or are listed. */
  #settled = 0;

  /** @param rootNode not yet covered @param root absolute path */
  constructor(
    world: InitialScanHost,
    rootNode: DirectoryNode,
    options: { root: string; index: IndexFile; tree: IndexTree; ahead: CheckThread | undefined },
  ) {
    const { root, index, tree, ahead } = options;
    this.#world = world;
    this.#directories = tree.directories;
    this.#desk = makeSharedProgress(tree.directories.length, index.count);
    this.proofs = this.#desk.unchangedEntries;
    this.#judge = new DirectoryCheck(root, index, this.proofs);
    this.#ahead = ahead;
    this.#judged = tree.directories.length;
    const [first] = tree.directories;
    if (first !== undefined) this.#nodes.set(first, rootNode);
    ahead?.assign(index.share(), this.#desk, tree.directories);
  }

  /** @param deadline in the milliseconds of `performance.now()` @returns whether all is done */
  step(deadline: number): boolean {
    while (this.#covered < this.#directories.length) {
      this.#coverNext();
      if (performance.now() > deadline) return false;
    }
    while (this.#settled < this.#directories.length) {
      if (!this.#settleNext() && this.#judged > 0) this.#judgeLast(deadline);
      if (performance.now() > deadline) return false;
    }
    return true;
  }

  /** What is there, as far as it was covered; parents before what is below them. */
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
    if (node === undefined) this.#decide(at, CheckState.changed);
    else this.#world.cover(node);
    this.#covered += 1;
    if (this.#covered % TOLD_AT_ONCE !== 0 && this.#covered < this.#directories.length) return;
    Atomics.store(this.#desk.covered, 0, this.#covered);
    Atomics.notify(this.#desk.covered, 0);
  }

  /** @returns `undefined` when there is no such directory */
  #enter(directory: IndexDirectory): DirectoryNode | undefined {
    const parent = directory.parent && this.#nodes.get(directory.parent);
    const stats = parent && this.#world.look(directory.path);
    if (parent === undefined || stats?.isDirectory() !== true) {
      if (directory.parent !== undefined) this.#incomplete.add(directory.parent);
      return undefined;
    }
    const node = new DirectoryNode(parent, directory.name, stats.ino);
    node.tracked = true;
    parent.children.set(node.name, node);
    this.#nodes.set(directory, node);
    return node;
  }

  /** @returns whether the next one was judged already */
  #settleNext(): boolean {
    const at = this.#settled;
    const verdict = Atomics.load(this.#desk.states, at);
    if (verdict === CheckState.pending || verdict === CheckState.claimed) return false;
    const directory = this.#directories[at];
    const node = directory && this.#nodes.get(directory);
    if (directory !== undefined && node !== undefined) {
      if (verdict === CheckState.unchanged && !this.#incomplete.has(directory)) node.listed = true;
      else this.#world.list(node);
    }
    this.#settled += 1;
    return true;
  }

  /** Judges the last directory that is not judged, or waits for the thread that is at it. */
  #judgeLast(deadline: number): void {
    const at = this.#judged - 1;
    const directory = this.#directories[at];
    const { states } = this.#desk;
    const verdict = Atomics.compareExchange(states, at, CheckState.pending, CheckState.claimed);
    if (verdict === CheckState.claimed && this.#ahead?.ended === false) {
      const waited = Atomics.wait(states, at, CheckState.claimed, Math.max(0, deadline - performance.now()));
      if (waited === "timed-out") return;
    } else if (directory !== undefined && (verdict === CheckState.pending || verdict === CheckState.claimed)) {
      const { path, runs, children } = directory;
      const asIndexed = this.#judge.isUnchanged({ path, runs, children: children.length });
      this.#decide(at, asIndexed ? CheckState.unchanged : CheckState.changed);
    }
    this.#judged -= 1;
  }

  #decide(at: number, verdict: number): void {
    Atomics.store(this.#desk.states, at, verdict);
  }
}
