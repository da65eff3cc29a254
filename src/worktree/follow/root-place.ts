import { statSync } from "node:fs";
import { join } from "node:path";
import { type FilterPolicy, openRepository, type Repository, realPathOf } from "../../git/index.js";
import { systemCode, TreewireError } from "../../util/index.js";

export interface RootPlaceOptions {
  /** Absolute path of the working tree. */
  root: string;
  /** Absolute path of the directory that holds `.git`, where `core.worktree` puts the root elsewhere. */
  top?: string;
  /** Whose filters are run. Default: the user's. */
  filters?: FilterPolicy;
  /**
   * Directories besides the root out of which the tree must not lead, whenever it is opened; it is gone when it does.
   * Default: it may lead anywhere.
   */
  allowed?: readonly string[];
}

/** The place where a followed tree's repository is, may be, and is judged anew whenever it is opened. */
export class RootPlace {
  readonly root: string;
  readonly top: string;
  readonly #filters: FilterPolicy | undefined;
  readonly #allowed: readonly string[] | undefined;
  /** Where the root was when it was judged: its own path, unless that is a link to a name that is no text. */
  #judged: string;

  constructor({ root, top, filters, allowed }: RootPlaceOptions) {
    this.root = root;
    this.top = top ?? root;
    this.#filters = filters;
    this.#allowed = allowed;
    this.#judged = root;
  }

  /**
   * Opens the repository whose working tree is at the root.
   *
   * @returns `undefined` when there is none, or that of another working tree
   * @throws TreewireError `TW_PATH_REFUSED` for one that leads elsewhere: what was shown of it is shown no more; all others
   *   that opening a repository can throw pass
   */
  open(): Repository | undefined {
    const { root, top } = this;
    const allowed = this.#allowed && [...this.#allowed, root];
    const judged = this.#allowed === undefined ? root : realPathOf(root);
    let repository: Repository;
    try {
      repository = openRepository(top, process.env, this.#filters, allowed);
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
    // else an outer repository's directory, or the working tree has been put elsewhere
    if (repository.root !== root || repository.top !== top) return undefined;
    this.#judged = judged;
    return repository;
  }

  /** Whether the root's path leads to where it was judged: one that a link has come into may lead out of what may be shown. */
  isInPlace(): boolean {
    return this.#allowed === undefined || realPathOf(this.root) === this.#judged;
  }

  /** Whether something that is called `.git` is there, or may be. */
  mayHoldRepository(): boolean {
    try {
      return statSync(join(this.top, ".git"), { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      return systemCode(error) === "EACCES";
    }
  }
}

/** Whether a tree leads out of what may be shown. */
export function isRefusal(error: unknown): error is TreewireError {
  return error instanceof TreewireError && error.code === "TW_PATH_REFUSED";
}

function isAbsence(error: unknown): boolean {
  return error instanceof TreewireError && ["TW_NOT_A_REPOSITORY", "TW_PATH_NOT_FOUND"].includes(error.code);
}
