import type { Oid, Repository } from "../../git/index.js";
import { type Modifications, type SubmoduleState, type Submodules, submoduleState } from "../patches/submodules.js";
import type { CatchUp } from "./refresh.js";

/** A submodule's working tree while it is followed. */
export interface FollowedSubmodule {
  readonly modifications: Modifications;
  start(): Promise<void>;
  catchUp(how: CatchUp): Promise<void>;
  close(): void;
}

/** Makes the tree at a byte path, which is not started; it reports when its head or its modifications differ. */
export type FollowSubmodule = (path: string) => FollowedSubmodule;

export interface FollowedSubmodulesOptions {
  repository: Pick<Repository, "submoduleHead" | "submoduleIgnore" | "isNestedRepository">;
  follow: FollowSubmodule;
  /** Watches the way to the HEAD of the submodule at a byte path; a change of it has the path looked at again. */
  watch: (path: string) => { close(): void };
}

/**
 * The submodules of a followed tree: each is followed as well. One whose HEAD can't be found is waited for: its
 * directory says nothing of a git directory that stands elsewhere.
 */
export class FollowedSubmodules implements Submodules {
  readonly #options: FollowedSubmodulesOptions;
  readonly #trees = new Map<string, FollowedSubmodule>();
  readonly #awaited = new Map<string, { close(): void }>();

  constructor(options: FollowedSubmodulesOptions) {
    this.#options = options;
  }

  async state(path: string): Promise<SubmoduleState | undefined> {
    const { repository, follow } = this.#options;
    const head = this.#head(path);
    let tree = this.#trees.get(path);
    if (head === undefined && !repository.isNestedRepository(path)) {
      tree?.close();
      this.#trees.delete(path);
      return undefined;
    }
    if (tree === undefined) {
      tree = follow(path);
      this.#trees.set(path, tree);
      await tree.start();
    }
    return submoduleState(head, tree.modifications, repository.submoduleIgnore(path));
  }

  /** Has all of them catch up with their files. */
  async catchUp(how: CatchUp): Promise<void> {
    for (const tree of this.#trees.values()) await tree.catchUp(how);
  }

  close(): void {
    for (const tree of this.#trees.values()) tree.close();
    this.#trees.clear();
    for (const watch of this.#awaited.values()) watch.close();
    this.#awaited.clear();
  }

  /** A submodule without a HEAD is watched, and asked once more after that. Throws as `submoduleHead` does. */
  #head(path: string): Oid | undefined {
    const { repository, watch } = this.#options;
    let head: Oid | undefined;
    try {
      head = repository.submoduleHead(path);
    } catch {
      // told below, unless it passes meanwhile
    }
    const awaited = this.#awaited.get(path);
    if (head === undefined) {
      this.#awaited.set(path, watch(path));
      head = repository.submoduleHead(path);
    } else {
      this.#awaited.delete(path);
    }
    awaited?.close();
    return head;
  }
}
