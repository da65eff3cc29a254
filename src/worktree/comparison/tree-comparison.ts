import type { Head, HistorySource, IndexFile, Oid, Repository, TreeEntry } from "../../git/index.js";
import { type ChangedPath, type Comparison, changedPaths, resolveComparison } from "../../history/index.js";
import {
  type ComparisonMeta,
  type ComparisonRequest,
  diffFiles,
  type FileChanges,
  firstFrom,
  type TreeFile,
} from "../../protocol/index.js";
import { messageOf, TreewireError } from "../../util/index.js";
import { type Change, ChangeList, type DiskVersion } from "../patches/changes.js";
import { MarkedPairs, type Pair } from "../patches/pairs.js";
import { type PatchBudget, PatchSet, type PathErrorListener } from "../patches/patch-set.js";
import { Patcher } from "../patches/patcher.js";
import { RenameDetection } from "../patches/rename-detection.js";
import type { VersionContent } from "../patches/version-content.js";
import type { WorkFiles } from "../patches/work-files.js";
import { leftDifferences, treeChanges } from "./changes.js";
import type { CommitEntries, ListedCommits } from "./commit-entries.js";
import { type ComparedState, comparedState, unreadableState } from "./compared-state.js";
import { commitEntries, rangeOf } from "./read-commits.js";

/** What comparisons share with the diff against HEAD. */
export interface ComparisonParts {
  readonly repository: Repository;
  readonly workFiles: WorkFiles;
  readonly content: VersionContent;
  readonly budget: PatchBudget;
}

/** What a pass of the diff against HEAD has found, for the comparisons that are made of it. */
export interface PassResult {
  readonly index: IndexFile;
  readonly head: Head;
  /** Path → HEAD's entry, where HEAD differs from the index. */
  readonly headDifferences: ReadonlyMap<string, TreeEntry | undefined>;
  /** Path → what is on disk, where that differs from the index. */
  readonly disk: ReadonlyMap<string, DiskVersion | undefined>;
  /** What the diff against HEAD is made of: what is not committed. */
  readonly uncommitted: readonly Change[];
  /** The files of the diff against HEAD, and what led to them. */
  readonly files: readonly TreeFile[];
  readonly changes: FileChanges;
  /** The pairs of some changes, without what is still being read; `undefined` when a file changed meanwhile. */
  pair(renames: RenameDetection, changes: readonly Change[]): Promise<Pair[] | undefined>;
  onPathError: PathErrorListener;
}

/** What was found in the two trees that a comparison has, as long as both stay. */
interface TreesApart {
  readonly left: Oid;
  readonly right: Oid;
  readonly paths: readonly ChangedPath[];
}

const NO_CHANGES: FileChanges = new Map();

/**
 * The diff of one working tree against something else than HEAD, made of what the passes of the diff against HEAD find:
 * nothing on disk is looked at again.
 */
export class TreeComparison {
  readonly request: ComparisonRequest;
  readonly #repository: Repository;
  readonly #renames: RenameDetection;
  readonly #patches: PatchSet;
  readonly #patcher: Patcher;
  readonly #entries: CommitEntries;
  readonly #changes = new ChangeList();
  readonly #marks = new MarkedPairs();
  #base: string | undefined;
  #comparison: Comparison | undefined;
  /** The commits of the comparison with these inputs. */
  #listed: (ListedCommits & { readonly inputs: string }) | undefined;
  #apart: TreesApart | undefined;
  #state: ComparedState | undefined;
  #files: readonly TreeFile[] = [];
  /** What the {@link files} are made of: another one, and they are others altogether. */
  #filesKind: ComparisonMeta["kind"] | undefined;
  #isUnresolved = true;
  #isOutdated = true;

  /** @param base the ref that the tree's chat names as base */
  constructor(parts: ComparisonParts, request: ComparisonRequest, base?: string) {
    const { repository, workFiles, content, budget } = parts;
    this.request = request;
    this.#base = base;
    this.#repository = repository;
    this.#renames = new RenameDetection(repository, content);
    this.#patcher = new Patcher({ repository, workFiles, content, renames: this.#renames });
    this.#patches = new PatchSet(this.#patcher, (path) => repository.patchRank(path), budget);
    this.#entries = commitEntries(repository);
  }

  /** As of the last {@link update}; `undefined` before the first. */
  get state(): ComparedState | undefined {
    return this.#state;
  }

  /** As of the last {@link update}, ascending by key; files that did not change are the same objects as before. */
  get files(): readonly TreeFile[] {
    return this.#files;
  }

  /** The files by whose change another comparison may be found, besides HEAD's own: absolute byte paths. */
  get watchPaths(): readonly string[] {
    return this.#comparison?.watchPaths ?? [];
  }

  /** Whether an {@link update} would find what the last one found. */
  get isCurrent(): boolean {
    return !(this.#isUnresolved || this.#isOutdated);
  }

  /** The repository is another one than it was: what is compared with is looked for at the next {@link update}. */
  doubt(): void {
    this.#isUnresolved = true;
  }

  /** Attributes or settings are others: what patches are made by is asked anew. */
  doubtPatches(): void {
    this.#patches.doubt();
  }

  /** What the diff is made of is another: it is made anew at the next {@link update}. */
  outdate(): void {
    this.#isOutdated = true;
  }

  /**
   * Makes the diff true again. What is wrong with the history is said in the {@link state}; then the diff is HEAD's.
   *
   * @returns what leads from the {@link files} before to those after
   */
  async update(pass: PassResult): Promise<FileChanges> {
    const source = this.#repository.historySource();
    if (this.#isUnresolved) {
      const found = resolveComparison(source, this.request, { base: this.#base }, this.#comparison);
      if (found !== this.#comparison) this.#isOutdated = true;
      this.#comparison = found;
    }
    const comparison = this.#comparison;
    if (comparison === undefined) throw new TypeError("no comparison");
    const before = this.#files;
    const kindBefore = this.#filesKind;
    let changes = NO_CHANGES;
    if (this.#isOutdated) {
      try {
        await this.#list(source, comparison);
        changes = await this.#patch(source, comparison, pass);
      } catch (error) {
        if (!(error instanceof TreewireError)) throw error;
        this.#listed = undefined;
        this.#setState(unreadableState(messageOf(error)));
        this.#isOutdated = false;
      }
    }
    this.#isUnresolved = false;
    const kind = this.#state?.meta.kind ?? "head";
    this.#filesKind = kind;
    if (kind === "head") {
      this.#files = pass.files;
      return kindBefore === "head" ? pass.changes : diffFiles(before, this.#files);
    }
    const untracked = kind === "commit" ? [] : pass.files.slice(firstFrom(pass.files, "u"));
    const untrackedChanges = kind === "commit" ? [] : [...pass.changes].filter(([key]) => key.startsWith("u"));
    if (changes.size === 0 && untrackedChanges.length === 0 && kindBefore === kind) return NO_CHANGES;
    this.#files = [...this.#patches.files, ...untracked];
    return kindBefore === kind ? new Map([...changes, ...untrackedChanges]) : diffFiles(before, this.#files);
  }

  /**
   * The pairs of the diff in their order.
   *
   * @param head those of the diff against HEAD
   */
  *pairs(head: Iterable<Pair>): Generator<Pair> {
    const kind = this.#filesKind;
    if (kind === "head") yield* head;
    else {
      yield* this.#patches.pairs();
      if (kind !== "commit") for (const pair of head) if (!pair.tracked) yield pair;
    }
  }

  /** Prints one of the {@link pairs}. Throws like {@link Patcher.patch}. */
  patch(pair: Pair): ReturnType<Patcher["patch"]> {
    return this.#patcher.patch(pair);
  }

  async #list(source: HistorySource, comparison: Comparison): Promise<void> {
    const { inputs } = comparison;
    if (this.#listed?.inputs !== inputs) {
      this.#listed = { inputs, ...(await this.#entries.list(source, rangeOf(comparison))) };
    }
    this.#setState(comparedState(comparison, this.#listed));
  }

  #setState(state: ComparedState): void {
    const isSame = JSON.stringify(state.meta) === JSON.stringify(this.#state?.meta);
    if (isSame && state.commits === this.#state?.commits) return;
    this.#state = state;
  }

  /** Throws TreewireError where a tree of the history can't be read. */
  async #patch(source: HistorySource, comparison: Comparison, pass: PassResult): Promise<FileChanges> {
    if (comparison.kind === "head") {
      this.#isOutdated = false;
      return NO_CHANGES;
    }
    const ignoresSubmodule = (path: string): boolean => this.#repository.submoduleIgnore(path) === "all";
    const right = comparison.rightTree ?? pass.head.tree;
    const paths = this.#pathsApart(source, comparison.leftTree, right);
    const uncommitted = new Set<string>();
    let changes: Change[];
    if (comparison.rightTree !== undefined) changes = treeChanges(paths, ignoresSubmodule);
    else {
      const { index, headDifferences, disk } = pass;
      for (const { path } of pass.uncommitted) uncommitted.add(path);
      changes = this.#changes.list({ index, disk, ignoresSubmodule, head: leftDifferences(headDifferences, paths) });
    }
    const isOfObjects = comparison.rightTree !== undefined;
    const pairs = isOfObjects ? await this.#renames.pair(changes) : await pass.pair(this.#renames, changes);
    if (pairs === undefined) return NO_CHANGES; // the next pass takes it up
    const isCommitted = ({ path, beforePath }: Pair): boolean => !uncommitted.has(path) && !uncommitted.has(beforePath);
    const marked = pairs.map((pair) => this.#marks.mark(pair, isCommitted(pair)));
    const complete = await this.#patches.setTracked(marked, pass.onPathError);
    this.#isOutdated = !complete;
    return this.#patches.commit(pass.onPathError);
  }

  #pathsApart(source: HistorySource, left: Oid, right: Oid): readonly ChangedPath[] {
    if (this.#apart?.left !== left || this.#apart.right !== right) {
      this.#apart = { left, right, paths: changedPaths(source, left, right) };
    }
    return this.#apart.paths;
  }
}
