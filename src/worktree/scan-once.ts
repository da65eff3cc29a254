import type { FilterPolicy, Repository } from "../git/index.js";
import { fileSystemPath, textOfBytes } from "../git/index.js";
import { filterNotRunLine } from "../protocol/index.js";
import { TreewireError } from "../util/index.js";
import { EMPTY_REQUEST } from "./patches/pass-request.js";
import type { PatchBudget } from "./patches/patch-set.js";
import { type SubmoduleState, type Submodules, submoduleState } from "./patches/submodules.js";
import { type PathTrouble, TreeDiff } from "./patches/tree-diff.js";
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
}

/** A diff whose patches come one by one, so that it never is in memory whole. */
export interface RawDiff {
  /** Absolute path of the working tree. */
  readonly root: string;
  /** The bytes of each patch, in order. */
  readonly diff: AsyncIterable<Uint8Array>;
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
  const { diff, root } = await read(path, filters, maxPatchBytes === undefined ? {} : { maxPatchBytes });
  reportTroubles(root, diff.troubles, options);
  const { head, remoteOrigin, files } = diff;
  const base = { root, head: head.commit ?? "", branch: head.branch, remoteOrigin, files };
  return { ...base, scannedAt: Date.now(), health: "" };
}

/**
 * The same, as the exact bytes that git prints. Throws like {@link scanOnce}; what can't be read of the tree is
 * reported when everything else is out, by the iteration's end.
 */
export async function scanOnceRaw(path: string, options: OnceOptions = {}): Promise<RawDiff> {
  const { diff, root } = await read(path, options.filters ?? "all", { keepText: false });
  return { root, diff: patchBytes(diff, root, options) };
}

async function* patchBytes(diff: TreeDiff, root: string, options: OnceOptions): AsyncGenerator<Uint8Array> {
  for await (const { bytes, filterNotRun } of diff.patches()) {
    if (bytes.length > 0) yield bytes;
    if (filterNotRun !== undefined) yield Buffer.from(filterNotRunLine(filterNotRun));
  }
  reportTroubles(root, diff.troubles, options);
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
): Promise<{ diff: TreeDiff; root: string }> {
  const repository = openRepositoryAt(topOf(path), filters);
  const diff = new TreeDiff(repository, NO_COVERAGE, new ReadSubmodules(repository, filters), budget);
  await diff.pass(EMPTY_REQUEST);
  for (let passes = 1; diff.changedWhileRead.size > 0 && passes < MAX_PASSES; passes++) await diff.pass(EMPTY_REQUEST);
  return { diff, root: repository.root };
}
