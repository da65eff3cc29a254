import { diffFiles, type FileChanges, type WantedComparison } from "../../protocol/index.js";
import type { ComparisonOutcome, TreeComparisons } from "../comparison/tree-comparisons.js";
import type { TreeState } from "../types.js";

/** Takes the states of a tree's comparisons. */
export interface ComparedEvents {
  /**
   * A comparison differs from its state before.
   *
   * @param key names it, as `comparisonKey` does
   * @param changes what leads from that state's files to these; from the empty list for its first state, and for the first
   *   after the tree was gone
   */
  onCompared?(key: string, state: TreeState, changes: FileChanges): void;
}

/** What is open while a repository is at the root. */
interface Compared {
  readonly diff: { readonly comparisons: Pick<TreeComparisons, "want"> };
}

/** Which comparisons of one followed tree are wanted, and what was reported of each. */
export class ComparedStates {
  #wanted: readonly WantedComparison[] = [];
  readonly #events: ComparedEvents;
  #states = new Map<string, TreeState>();

  constructor(events: ComparedEvents) {
    this.#events = events;
  }

  /** Wants just these of what is open, and of what is opened later. */
  want(wanted: readonly WantedComparison[], open: Compared | undefined): void {
    this.#wanted = wanted;
    open?.diff.comparisons.want(wanted);
  }

  /** Wants the same of a repository that was opened anew. */
  open(open: Compared): void {
    open.diff.comparisons.want(this.#wanted);
  }

  /**
   * Reports what a pass has made of the comparisons.
   *
   * @param tree the state of the diff against HEAD
   */
  passed(tree: TreeState, outcomes: ReadonlyMap<string, ComparisonOutcome>): void {
    const before = this.#states;
    this.#states = new Map();
    for (const [key, { state, files, filesBefore, changes }] of outcomes) {
      const last = before.get(key);
      const next: TreeState = { ...tree, files, compared: state };
      this.#states.set(key, next);
      const isContinued = last?.files === filesBefore;
      const reported = isContinued ? changes : diffFiles(last?.files ?? [], files);
      if (last === undefined || reported.size > 0 || !isSameBesideFiles(last, next)) {
        this.#events.onCompared?.(key, next, reported);
      }
    }
  }

  /** The tree is not there. */
  gone(): void {
    this.#states = new Map();
  }
}

function isSameBesideFiles(a: TreeState, b: TreeState): boolean {
  return (
    a.compared === b.compared &&
    a.head === b.head &&
    a.branch === b.branch &&
    a.remoteOrigin === b.remoteOrigin &&
    a.health === b.health
  );
}
