import type { Oid, Repository } from "../../git/index.js";
import { type Comparison, resolveComparison } from "../../history/index.js";
import type { WantedComparison } from "../../protocol/index.js";
import { Patcher } from "../patches/patcher.js";
import { RenameDetection } from "../patches/rename-detection.js";
import { VersionContent } from "../patches/version-content.js";
import { WorkFiles } from "../patches/work-files.js";
import { CommitEntries } from "./commit-entries.js";
import { type ComparedState, comparedState } from "./compared-state.js";

/** Which of the commits are listed. */
export interface CommitPage {
  /** At most so many. */
  limit?: number;
  /** Begins behind this one, where it is one of them. */
  before?: Oid;
}

/** Lists the commits of comparisons, and counts what each has changed, once. */
export class CommitReader {
  readonly #repository: Repository;
  readonly #entries: CommitEntries;

  constructor(repository: Repository) {
    this.#repository = repository;
    this.#entries = commitEntries(repository);
  }

  /**
   * What a tree is compared with, and a page of the commits of that. Nothing of the working tree is looked at.
   *
   * @throws TreewireError `TW_CORRUPT_REPOSITORY`, `TW_NOT_FETCHED` where HEAD or a commit of the list can't be read
   */
  async read({ request, base }: WantedComparison, page: CommitPage = {}): Promise<ComparedState> {
    const source = this.#repository.historySource();
    const comparison = resolveComparison(source, request, { base });
    return comparedState(comparison, await this.#entries.list(source, rangeOf(comparison), page));
  }
}

/** Which commits a comparison is made of; `undefined`: none. */
export function rangeOf({ kind, tip, excluded }: Comparison): Parameters<CommitEntries["list"]>[1] {
  return tip === "" ? undefined : { tip, excluded, isOne: kind === "commit" };
}

/** Counts by objects alone. */
export function commitEntries(repository: Repository): CommitEntries {
  const workFiles = new WorkFiles(repository);
  const content = new VersionContent(repository, workFiles, () => undefined);
  const renames = new RenameDetection(repository, content);
  const patcher = new Patcher({ repository, workFiles, content, renames });
  return new CommitEntries({ repository, renames, patcher });
}
