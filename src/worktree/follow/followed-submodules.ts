import type { Repository } from "../../git/index.js";
import { type Modifications, type SubmoduleState, type Submodules, submoduleState } from "../patches/submodules.js";

/** A submodule's working tree while it is followed. */
export interface FollowedSubmodule {
  readonly modifications: Modifications;
  start(): Promise<void>;
  refresh(): Promise<unknown>;
  close(): void;
}

/** Makes the tree at a byte path, which is not started; it reports when its head or its modifications differ. */
export type FollowSubmodule = (path: string) => FollowedSubmodule;

/** The submodules of a followed tree: each is followed as well. */
export class FollowedSubmodules implements Submodules {
  readonly #repository: Repository;
  readonly #follow: FollowSubmodule;
  readonly #trees = new Map<string, FollowedSubmodule>();

  constructor(repository: Repository, follow: FollowSubmodule) {
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
    return submoduleState(head, tree.modifications, this.#repository.submoduleIgnore(path));
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
