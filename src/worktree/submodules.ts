import type { Oid, Repository } from "../git/types.js";
import type { TreeFile, TreeState } from "./types.js";

/** What a submodule has checked out. */
export interface SubmoduleState {
  readonly head: Oid;
  /** Tracked files in it differ from its HEAD: git appends `-dirty`. */
  readonly dirty: boolean;
}

/** Where the model learns the state of the submodules of its tree; each is a working tree of its own. */
export interface Submodules {
  /** `undefined` when nothing is checked out at the path, which git takes for unchanged. @param path byte path */
  state(path: string): Promise<SubmoduleState | undefined>;
}

/** Whether a tree's files make it dirty as a submodule: untracked files do not count (`diff.ignoreSubmodules`' default). */
export function isDirty(files: readonly TreeFile[]): boolean {
  return files.some((file) => file.key.startsWith("t:"));
}

/** A submodule's working tree while it is followed. */
export interface FollowedTree {
  readonly state: TreeState | undefined;
  start(): Promise<void>;
  refresh(): Promise<unknown>;
  close(): void;
}

/** The submodules of a followed tree: each is followed as well. */
export class FollowedSubmodules implements Submodules {
  readonly #repository: Repository;
  readonly #follow: (path: string) => FollowedTree;
  readonly #trees = new Map<string, FollowedTree>();

  /** @param follow makes the tree at a byte path; it tells its parent when it differs */
  constructor(repository: Repository, follow: (path: string) => FollowedTree) {
    this.#repository = repository;
    this.#follow = follow;
  }

  async state(path: string): Promise<SubmoduleState | undefined> {
    const head = this.#repository.submoduleHead(path);
    let tree = this.#trees.get(path);
    if (head === undefined) {
      tree?.close();
      this.#trees.delete(path);
      return undefined;
    }
    if (tree === undefined) {
      tree = this.#follow(path);
      this.#trees.set(path, tree);
      await tree.start();
    }
    return { head, dirty: isDirty(tree.state?.files ?? []) };
  }

  /** A barrier for all of them. */
  async refresh(): Promise<void> {
    for (const tree of this.#trees.values()) await tree.refresh();
  }

  close(): void {
    for (const tree of this.#trees.values()) tree.close();
    this.#trees.clear();
  }
}
