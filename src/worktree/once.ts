import { openRepository } from "../git/index.js";
import type { Repository } from "../git/types.js";
import { TreewireError } from "../util/index.js";
import { NO_COVERAGE } from "./coverage.js";
import { type Doubts, type ModelOptions, type PathTrouble, TreeModel } from "./model.js";
import { nativePath, pathText } from "./paths.js";
import { isDirty, type SubmoduleState, type Submodules } from "./submodules.js";
import type { TreeState } from "./types.js";

const NO_DOUBTS: Doubts = { paths: new Map(), repository: new Set(), everything: "no" };

/** How often a tree that changes while it is read is looked at again before its last look is taken as it is. */
const MAX_PASSES = 5;

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
 * @param options `onTrouble` is told what can't be read of the tree, once for each path; the rest is in the state
 * @throws TreewireError `TW_NOT_A_REPOSITORY`, `TW_PATH_NOT_FOUND`, `TW_PATH_UNREADABLE`, `TW_CORRUPT_REPOSITORY` …
 */
export async function scanOnce(
  path: string,
  options: { maxPatchBytes?: number; onTrouble?: (error: unknown) => void } = {},
): Promise<TreeState> {
  const { model, root } = await read(path, options);
  for (const trouble of model.troubles) (options.onTrouble ?? raise)(errorOf(root, trouble));
  const { head, remoteOrigin, files } = model;
  const base = { root, head: head.commit ?? "", branch: head.branch, remoteOrigin, files };
  return { ...base, scannedAt: Date.now(), health: "" };
}

/**
 * The same, as the exact bytes that git prints. Throws like {@link scanOnce}; what can't be read of the tree is thrown
 * by the iteration, when everything else is out.
 */
export async function scanOnceRaw(path: string): Promise<RawDiff> {
  const { model, root } = await read(path, { keepText: false });
  return { root, diff: patchBytes(model, root) };
}

/** The root of the working tree that holds a path. Throws like {@link scanOnce}. */
export async function resolveRoot(path: string): Promise<string> {
  return (await openRepository(path)).root;
}

async function* patchBytes(model: TreeModel, root: string): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of model.patches()) if (bytes.length > 0) yield bytes;
  const [trouble] = model.troubles;
  if (trouble !== undefined) throw errorOf(root, trouble, model.troubles.length - 1);
}

/** @param others how many more there are */
function errorOf(root: string, { path, message, cause }: PathTrouble, others = 0): unknown {
  if (cause instanceof TreewireError && others === 0) return cause;
  const detail = others === 0 ? message : `${message}, and ${others} more`;
  return new TreewireError("TW_PATH_UNREADABLE", `${root}/${pathText(path)}`, { detail, cause });
}

function raise(error: unknown): never {
  throw error;
}

/** The submodules of a tree that nobody follows. */
class ReadSubmodules implements Submodules {
  readonly #repository: Repository;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  async state(path: string): Promise<SubmoduleState | undefined> {
    const head = this.#repository.submoduleHead(path);
    if (head === undefined) return undefined;
    const { model, root } = await read(String(nativePath(this.#repository.root, path)), { keepText: false });
    const [trouble] = model.troubles;
    if (trouble !== undefined) throw errorOf(root, trouble);
    return { head, dirty: isDirty(model.modifications, this.#repository.submoduleIgnore(path)) };
  }
}

async function read(path: string, options: ModelOptions): Promise<{ model: TreeModel; root: string }> {
  const repository = await openRepository(path);
  const model = new TreeModel(repository, NO_COVERAGE, new ReadSubmodules(repository), options);
  await model.pass(NO_DOUBTS);
  for (let passes = 1; model.restless.size > 0 && passes < MAX_PASSES; passes++) await model.pass(NO_DOUBTS);
  return { model, root: repository.root };
}
