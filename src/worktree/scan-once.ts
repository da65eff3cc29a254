import type { FilterPolicy, Repository } from "../git/index.js";
import { fileSystemPath, textOfBytes } from "../git/index.js";
import { type ComparisonRequest, comparisonKey, filterNotRunLine, type WantedComparison } from "../protocol/index.js";
import { TreewireError } from "../util/index.js";
import type { ComparedState } from "./comparison/compared-state.js";
import { CommitReader } from "./comparison/read-commits.js";
import type { PathTrouble } from "./patches/pass-request.js";
import { EMPTY_REQUEST } from "./patches/pass-request.js";
import type { PatchBudget } from "./patches/patch-set.js";
import { type SubmoduleState, type Submodules, submoduleState } from "./patches/submodules.js";
import { TreeDiff } from "./patches/tree-diff.js";
import { openRepositoryAt, topOf } from "./root-places.js";
import { NO_COVERAGE } from "./scan/coverage.js";
import type { TreeState } from "./types.js";

/** How often a tree that changes while it is read is looked at again before its last look is taken as it is. */
const MAX_PASSES = 5;

/** So many paths that can't be read are reported one by one. */
const MAX_REPORTED = 20;

export interface OnceOptions {
  /** Takes what can't be read of the tree, path by path; everything else is shown. Default: it is thrown. */
  onTrouble?: (error: unknown) => void;
  /** Whose filters are run. Default: all that git would run, as it is a person's own command. */
  filters?: FilterPolicy;
  /** What the tree is compared with. Default: HEAD. */
  compare?: ComparisonRequest;
}

/** A diff whose patches come one by one, so that it never is in memory whole. */
export interface RawDiff {
  /** Absolute path of the working tree. */
  readonly root: string;
  /** The bytes of each patch, in order. */
  readonly diff: AsyncIterable<Uint8Array>;
  /** What it is compared with, where that is not HEAD as it is asked for. */
  readonly compared: ComparedState | undefined;
  /** Reports what can't be read of the tree, or throws it, as the options say: to be called when everything else is out. */
  readonly report: () => void;
}

/**
 * Reads one working tree, without following it.
 *
 * @param path any path inside the tree
 * @throws TreewireError `TW_NOT_A_REPOSITORY`, `TW_PATH_NOT_FOUND`, `TW_PATH_UNREADABLE`, `TW_CORRUPT_REPOSITORY` …
 */
export async function scanOnce(
  path: string,
  options: OnceOptions & { maxPatchBytes?: number } = {},
): Promise<TreeState> {
  const { filters = "all", maxPatchBytes } = options;
  const wanted = wantedOf(options);
  const { diff, root } = await read(path, filters, maxPatchBytes === undefined ? {} : { maxPatchBytes }, wanted);
  reportTroubles(root, diff.troubles, options);
  const { head, remoteOrigin } = diff;
  const base = { root, head: head.commit ?? "", branch: head.branch, remoteOrigin, scannedAt: Date.now(), health: "" };
  const outcome = wanted && diff.comparisons.outcomes.get(comparisonKey(wanted));
  if (outcome === undefined) return { ...base, files: diff.files };
  return { ...base, files: outcome.files, compared: outcome.state };
}

/** The same, as the exact bytes that git prints. Throws like {@link scanOnce}, but for what can't be read of the tree. */
export async function scanOnceRaw(path: string, options: OnceOptions = {}): Promise<RawDiff> {
  const wanted = wantedOf(options);
  const { diff, root } = await read(path, options.filters ?? "all", { keepText: false }, wanted);
  const key = wanted && comparisonKey(wanted);
  const compared = key === undefined ? undefined : diff.comparisons.outcomes.get(key)?.state;
  return { root, diff: patchBytes(diff, key), compared, report: () => reportTroubles(root, diff.troubles, options) };
}

/**
 * What a working tree is compared with, and the commits of that, without a look at its files. Throws like
 * {@link scanOnce}.
 */
export async function commitsOnce(path: string, compare: ComparisonRequest): Promise<ComparedState> {
  return new CommitReader(openRepositoryAt(topOf(path), "none")).read({ request: compare });
}

function wantedOf({ compare }: OnceOptions): WantedComparison | undefined {
  return compare === undefined || compare.kind === "head" ? undefined : { request: compare };
}

async function* patchBytes(diff: TreeDiff, key: string | undefined): AsyncGenerator<Uint8Array> {
  for await (const { bytes, filterNotRun } of diff.patches(key)) {
    if (bytes.length > 0) yield bytes;
    if (filterNotRun !== undefined) yield Buffer.from(filterNotRunLine(filterNotRun));
  }
}

function reportTroubles(root: string, troubles: readonly PathTrouble[], { onTrouble = raise }: OnceOptions): void {
  for (const trouble of troubles.slice(0, MAX_REPORTED)) onTrouble(errorOf(root, trouble));
  const others = troubles.length - MAX_REPORTED;
  if (others > 0) onTrouble(new TreewireError("TW_PATH_UNREADABLE", root, { detail: `${others} more paths` }));
}

function errorOf(root: string, { path, message, cause }: PathTrouble): unknown {
  if (cause instanceof TreewireError) return cause;
  return new TreewireError("TW_PATH_UNREADABLE", `${root}/${textOfBytes(path)}`, { detail: message, cause });
}

function raise(error: unknown): never {
  throw error;
}

/** The submodules of a tree that nobody follows. */
class ReadSubmodules implements Submodules {
  readonly #repository: Repository;
  readonly #filters: FilterPolicy;

  constructor(repository: Repository, filters: FilterPolicy) {
    this.#repository = repository;
    this.#filters = filters;
  }

  async state(path: string): Promise<SubmoduleState | undefined> {
    const head = this.#repository.submoduleHead(path);
    if (head === undefined && !this.#repository.isNestedRepository(path)) return undefined;
    const place = String(fileSystemPath(this.#repository.root, path));
    const { diff, root } = await read(place, this.#filters, { keepText: false });
    const [trouble] = diff.troubles;
    if (trouble !== undefined) throw errorOf(root, trouble);
    return submoduleState(head, diff.modifications, this.#repository.submoduleIgnore(path));
  }
}

async function read(
  path: string,
  filters: FilterPolicy,
  budget: PatchBudget,
  compare?: WantedComparison,
): Promise<{ diff: TreeDiff; root: string }> {
  const repository = openRepositoryAt(topOf(path), filters);
  const diff = new TreeDiff(repository, NO_COVERAGE, new ReadSubmodules(repository, filters), budget);
  if (compare !== undefined) diff.comparisons.want([compare]);
  await diff.pass(EMPTY_REQUEST);
  for (let passes = 1; diff.changedWhileRead.size > 0 && passes < MAX_PASSES; passes++) await diff.pass(EMPTY_REQUEST);
  return { diff, root: repository.root };
}
