import { EventEmitter } from "node:events";
import type { RepositoryFinder } from "../../src/agent/chats/locate.js";
import type { LiveTree, TreeSource } from "../../src/agent/trees/streamed-tree.js";
import type { Trouble } from "../../src/agent/trees/trouble.js";
import { diffFiles, type FileChanges, type TreeFile } from "../../src/protocol/index.js";
import { TreewireError } from "../../src/util/index.js";
import type { TreeState } from "../../src/worktree/types.js";
import { stateOf } from "./states.js";

interface TreeEvents {
  state: [state: TreeState, changes: FileChanges];
  gone: [];
  trouble: [trouble: Trouble];
  scanned: [at: number];
}

/** A working tree that shows what the test says. */
export class FakeTree extends EventEmitter<TreeEvents> implements LiveTree {
  readonly root: string;
  state: TreeState | undefined;
  /** What the next reading finds. */
  onDisk: readonly TreeFile[];
  closed = false;
  refreshes = 0;

  constructor(root: string, files: readonly TreeFile[]) {
    super();
    this.root = root;
    this.onDisk = files;
  }

  /** The files change, and the tree notices by itself. */
  show(files: readonly TreeFile[]): void {
    this.onDisk = files;
    this.#read();
  }

  async refresh(): Promise<TreeState | undefined> {
    this.refreshes += 1;
    await new Promise(setImmediate);
    if (this.closed) return undefined;
    return this.#read();
  }

  /** The tree vanishes. */
  vanish(): void {
    this.state = undefined;
    this.emit("gone");
  }

  close(): void {
    this.closed = true;
  }

  #read(): TreeState {
    const state = stateOf(this.root, this.onDisk, Date.now());
    const changes = diffFiles(this.state?.files ?? [], state.files);
    this.state = state;
    this.emit("state", state, changes);
    return state;
  }
}

/** Repositories that exist because the test says so. */
export class FakeTrees implements TreeSource, RepositoryFinder {
  /** The files of each repository, by root. */
  readonly repositories = new Map<string, readonly TreeFile[]>();
  /** The working trees of each bare repository. */
  readonly worktrees = new Map<string, string[]>();
  /** Directories that exist without being in a repository. */
  readonly directories = new Set(["/"]);
  /** Every tree that was opened, in order. */
  readonly opened: FakeTree[] = [];
  /** Whether an opened tree is read at once. */
  readsAtOnce = true;

  open(root: string): FakeTree {
    const tree = new FakeTree(root, this.repositories.get(root) ?? []);
    this.opened.push(tree);
    if (this.readsAtOnce) setImmediate(() => tree.closed || tree.show(tree.onDisk));
    return tree;
  }

  /** The open tree of a root. */
  tree(root: string): FakeTree {
    const tree = this.opened.findLast((one) => one.root === root && !one.closed);
    if (tree === undefined) throw new Error(`${root} is not open`);
    return tree;
  }

  get openRoots(): string[] {
    return this.opened.flatMap((tree) => (tree.closed ? [] : tree.root)).sort();
  }

  kind(path: string): "directory" | "other" | "missing" {
    if (this.directories.has(path) || this.repositories.has(path)) return "directory";
    return [...this.repositories.keys()].some((root) => path.startsWith(`${root}/`)) ? "other" : "missing";
  }

  async allowedFor(): Promise<readonly string[]> {
    return [];
  }

  async resolveWorktrees(path: string): Promise<string[]> {
    return this.worktrees.get(path) ?? [];
  }

  async resolveRoot(path: string): Promise<string> {
    if (this.worktrees.has(path)) throw new TreewireError("TW_BARE_REPOSITORY", path);
    const root = [...this.repositories.keys()].find((one) => path === one || path.startsWith(`${one}/`));
    if (root !== undefined) return root;
    throw new TreewireError(this.directories.has(path) ? "TW_NOT_A_REPOSITORY" : "TW_PATH_NOT_FOUND", path);
  }

  async findRepositories(dir: string): Promise<string[]> {
    if (!this.directories.has(dir)) throw new TreewireError("TW_PATH_NOT_FOUND", dir);
    return [...this.repositories.keys()].filter((root) => `${root}/`.startsWith(`${dir}/`));
  }
}
