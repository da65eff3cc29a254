import type { Oid, Repository, SubmoduleIgnore } from "../../git/index.js";

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

/** How a working tree differs from its HEAD, as git asks it of submodules. */
export interface Modifications {
  /** HEAD, index and tracked files are not all the same, even where a file took back what was staged. */
  readonly tracked: boolean;
  readonly untracked: boolean;
}

/** Whether git appends `-dirty`. @param ignore what of the submodule does not count */
export function isDirty({ tracked, untracked }: Modifications, ignore: SubmoduleIgnore): boolean {
  if (ignore === "none") return tracked || untracked;
  return ignore === "untracked" && tracked;
}

/** A submodule's working tree while it is followed. */
export interface FollowedTree {
  readonly modifications: Modifications;
  start(): Promise<void>;
  refresh(): Promise<unknown>;
  close(): void;
}

/** The submodules of a followed tree: each is followed as well. */
export class FollowedSubmodules implements Submodules {
  readonly #repository: Repository;
  readonly #follow: (path: string) => FollowedTree;
  readonly #trees = new Map<string, FollowedTree>();

  /** @param follow makes the tree at a byte path; it tells its parent when its head or modifications differ */
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
    return { head, dirty: isDirty(tree.modifications, this.#repository.submoduleIgnore(path)) };
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
