import type { IndexFile, Repository } from "../../git/index.js";
import { stampOf } from "../file-stamp.js";
import type { Candidates } from "./candidates.js";
import type { FileStats } from "./lstat.js";

/** What the comparison asks of the tree. */
export interface TrackedTree {
  /** Its `clearsSkipWorktreeOfPresentFiles` may change with the configuration. */
  readonly repository: Pick<Repository, "clearsSkipWorktreeOfPresentFiles">;
  /** Whether something is, or may be, at a byte path. */
  isPresent(path: string): boolean;
}

/** Compares tracked files with one version of the index, and makes candidates of those that it does not prove unchanged. */
export class IndexComparison {
  readonly #index: IndexFile;
  readonly #candidates: Candidates;
  readonly #tree: TrackedTree;

  constructor(index: IndexFile, candidates: Candidates, tree: TrackedTree) {
    this.#index = index;
    this.#candidates = candidates;
    this.#tree = tree;
  }

  /**
   * @param position of the path's (first) entry
   * @param stats what is there; `undefined`: nothing
   * @param takenAt milliseconds since 1970, not after the look
   * @param present whether something is at the path all the same, behind a link
   */
  compare(
    path: string,
    position: number,
    stats: FileStats | undefined,
    takenAt: number,
    present = stats !== undefined,
  ): void {
    const index = this.#index;
    if (this.assumesUnchanged(position, present)) {
      this.#candidates.forgetTracked(path);
    } else if (stats === undefined) {
      this.#candidates.setTracked(path, undefined);
    } else if (index.stage(position) === 0 && index.provesUnchanged(position, stats)) {
      this.#candidates.forgetTracked(path);
    } else {
      this.#candidates.setTracked(path, stampOf(stats, takenAt));
    }
  }

  /** Whether git takes an entry for unchanged, whatever is on disk: assume-unchanged, skip-worktree. @param present whether something is at its path */
  assumesUnchanged(position: number, present: boolean): boolean {
    const index = this.#index;
    if (index.stage(position) !== 0) return false;
    if (index.assumeUnchanged(position)) return true;
    return index.skipWorktree(position) && !(present && this.#tree.repository.clearsSkipWorktreeOfPresentFiles);
  }

  /** Makes candidates of the tracked files below a path where no directory is. */
  markMissingBelow(path: string): void {
    const [start, end] = this.#index.range(path);
    // behind a link git finds files that it then takes for missing, but not for skipped
    const behindLink = this.#tree.repository.clearsSkipWorktreeOfPresentFiles && this.#tree.isPresent(path);
    if (behindLink) this.#candidates.links.add(path);
    for (let position = start; position < end; position++) {
      const below = this.#index.path(position);
      const present = behindLink && this.#index.skipWorktree(position) && this.#tree.isPresent(below);
      this.compare(below, position, undefined, 0, present);
    }
  }
}
