import type { FileChanges, TreeFile } from "../../protocol/index.js";
import { findFile, joinChanges, mergeFiles, realChanges } from "../../protocol/index.js";
import { NotReadyError } from "./not-ready.js";
import type { Pair } from "./pairs.js";
import type { Patcher, TreePatch } from "./patcher.js";
import { emptyTreeFile, fileKey, type Section, toTreeFile } from "./tree-file.js";

/** How much of the patches is kept. */
export interface PatchBudget {
  /** Hunks of one file over this many bytes of UTF-8 are left out and counted. Default: none are. */
  maxPatchBytes?: number;
  /** Hunks that are kept in memory for the whole tree, in bytes of UTF-8; the largest are left out first. */
  keptPatchBytes?: number;
  /** `false`: no patch is made before somebody asks for it, and none is kept. */
  keepText?: boolean;
}

/** A patch that was made, or will be made when somebody asks, and what has to be equal for it to be the same. */
interface KnownPatch {
  readonly signature: string;
  readonly pair: Pair;
  readonly section: Section;
}

/** Takes what went wrong with one path. */
export type PathErrorListener = (path: string, error: unknown) => void;

/** The patches of a tree's state, within their budget. A patch is made again only when its pair is another one. */
export class PatchSet {
  readonly #patcher: Pick<Patcher, "patch" | "readLarge" | "signature">;
  readonly #rankOf: (path: string) => number | undefined;
  readonly #budget: Required<PatchBudget>;
  readonly #patches = new Map<string, KnownPatch>();
  /** What was set and deleted since the last {@link commit}. Outlasts a pass that failed. */
  #uncommitted = new Map<string, TreeFile | undefined>();
  #files: readonly TreeFile[] = [];
  /** What the patcher knew beside the pairs when they were set last; `undefined`: it is to be asked about each. */
  #readLarge: ReadonlySet<string> | undefined;
  /** The size above which hunks are not kept. */
  readonly #maxHunkBytes: Record<Section, number>;

  /** @param rankOf where the patch of a tracked file stands among others; `undefined`: by its path */
  constructor(
    patcher: Pick<Patcher, "patch" | "readLarge" | "signature">,
    rankOf: (path: string) => number | undefined,
    budget: PatchBudget,
  ) {
    this.#patcher = patcher;
    this.#rankOf = rankOf;
    this.#budget = {
      maxPatchBytes: budget.maxPatchBytes ?? Number.POSITIVE_INFINITY,
      keptPatchBytes: budget.keptPatchBytes ?? Number.POSITIVE_INFINITY,
      keepText: budget.keepText ?? true,
    };
    this.#maxHunkBytes = { t: this.#budget.maxPatchBytes, u: this.#budget.maxPatchBytes };
  }

  /** Whether patches are made as their pairs are set. */
  get keepsText(): boolean {
    return this.#budget.keepText;
  }

  /** The files as of the last {@link commit}, ascending by key; those that did not change are the same objects. */
  get files(): readonly TreeFile[] {
    return this.#files;
  }

  /** The pairs behind the {@link files}, in their order. */
  *pairs(): Generator<Pair> {
    for (const { key } of this.#files) {
      const patch = this.#patches.get(key);
      if (patch !== undefined) yield patch.pair;
    }
  }

  /** Attributes or settings are others: the same pair may have another patch. */
  doubt(): void {
    this.#readLarge = undefined;
  }

  /**
   * Makes the patches of tracked files those of just these pairs.
   * @param onError takes what a patch failed with; the earlier one of that file stays
   * @returns whether all could be made
   */
  async setTracked(pairs: readonly Pair[], onError: PathErrorListener): Promise<boolean> {
    const gone = new Set<string>();
    for (const [key, { section }] of this.#patches) if (section === "t") gone.add(key);
    let complete = true;
    const { readLarge } = this.#patcher;
    const isDoubted = readLarge !== this.#readLarge;
    this.#readLarge = readLarge;
    for (const pair of pairs) {
      const key = fileKey("t", pair.path, this.#rankOf(pair.path));
      gone.delete(key);
      if (!isDoubted && this.#patches.get(key)?.pair === pair) continue;
      try {
        await this.#set(key, "t", pair);
      } catch (error) {
        complete = false;
        onError(pair.path, error);
      }
    }
    for (const key of gone) this.#delete(key);
    if (!complete) this.doubt(); // what failed has the patch that it had by the rules of before
    return complete;
  }

  /** Makes the patch of an untracked file. @throws what {@link Patcher.patch} throws; the earlier patch stays */
  async setUntracked(pair: Pair): Promise<void> {
    await this.#set(fileKey("u", pair.path), "u", pair);
  }

  /** Takes out the patch of an untracked file, if there is one. */
  deleteUntracked(path: string): void {
    this.#delete(fileKey("u", path));
  }

  /**
   * Brings the {@link files} up to what was set and deleted, and within the budget.
   *
   * @param onError takes what the patch of a file failed with that has room again; it stays left out
   * @returns what leads from the files before to these
   */
  async commit(onError: PathErrorListener): Promise<FileChanges> {
    const before = this.#files;
    const changes = realChanges(before, this.#uncommitted);
    const files = mergeFiles(before, changes);
    const fitted = await this.#fitToBudget(files, onError);
    this.#uncommitted = new Map();
    this.#files = mergeFiles(files, fitted);
    return fitted.size === 0 ? changes : realChanges(before, joinChanges(changes, fitted));
  }

  async #set(key: string, section: Section, pair: Pair): Promise<void> {
    const signature = this.#patcher.signature(pair);
    const known = this.#patches.get(key);
    if (known?.signature === signature) {
      if (known.pair.committed !== pair.committed) this.#setCommitted(key, { signature, pair, section });
      return;
    }
    if (!this.#budget.keepText) {
      this.#patches.set(key, { signature, pair, section });
      this.#uncommitted.set(key, emptyTreeFile(key));
      return;
    }
    const patch = await this.#made(key, section, pair);
    this.#patches.set(key, { signature, pair, section });
    const file = patch.bytes.length === 0 ? undefined : toTreeFile(key, patch, this.#maxHunkBytes[section]);
    this.#uncommitted.set(key, file && withCommitted(file, pair));
  }

  /** The patch is the same, and only whether it is committed is not. */
  #setCommitted(key: string, known: KnownPatch): void {
    const file = this.#uncommitted.has(key) ? this.#uncommitted.get(key) : findFile(this.#files, key);
    this.#patches.set(key, known);
    this.#uncommitted.set(key, file && withCommitted(file, known.pair));
  }

  /** A patch of a file that is still being read is not told as it was before. */
  async #made(key: string, section: Section, pair: Pair): Promise<TreePatch> {
    try {
      return await this.#patcher.patch(pair, this.#maxHunkBytes[section]);
    } catch (error) {
      if (error instanceof NotReadyError) this.#delete(key);
      throw error;
    }
  }

  #delete(key: string): void {
    if (this.#patches.delete(key)) this.#uncommitted.set(key, undefined);
  }

  /** What has to change for the hunks to take no more room than they may, and no less than they could. */
  async #fitToBudget(files: readonly TreeFile[], onError: PathErrorListener): Promise<FileChanges> {
    const changes = new Map<string, TreeFile | undefined>();
    const { keptPatchBytes, maxPatchBytes } = this.#budget;
    if (keptPatchBytes === Number.POSITIVE_INFINITY) return changes;
    const limits = keptHunkSizes(files, keptPatchBytes, maxPatchBytes);
    for (const file of files) {
      const size = hunkBytesOf(file);
      const limit = limits[sectionOf(file)];
      const known = this.#patches.get(file.key);
      if (size > limit && file.omitted_bytes === 0) changes.set(file.key, { ...file, hunks: "", omitted_bytes: size });
      if (size > limit || file.omitted_bytes === 0 || known === undefined) continue;
      try {
        const fitted = toTreeFile(file.key, await this.#patcher.patch(known.pair, limit), limit);
        changes.set(file.key, withCommitted(fitted, known.pair));
      } catch (error) {
        onError(known.pair.path, error);
      }
    }
    Object.assign(this.#maxHunkBytes, limits);
    return changes;
  }
}

function withCommitted(file: TreeFile, { committed }: Pair): TreeFile {
  return committed === undefined ? file : { ...file, committed };
}

/** Counted once a file: most files of a state are those of the one before. */
const hunkBytes = new WeakMap<TreeFile, number>();

/** Bytes of UTF-8 that a file's hunks have, left out or not. */
function hunkBytesOf(file: TreeFile): number {
  if (file.omitted_bytes > 0) return file.omitted_bytes;
  let bytes = hunkBytes.get(file);
  if (bytes === undefined) {
    bytes = Buffer.byteLength(file.hunks);
    hunkBytes.set(file, bytes);
  }
  return bytes;
}

function sectionOf(file: TreeFile): Section {
  return file.key.startsWith("u") ? "u" : "t";
}

/**
 * The size above which hunks are not kept, by section. Thousands of small untracked files do not drive out the changes of
 * tracked ones: these may have half of the budget for themselves.
 *
 * @param budget bytes @param ceiling bytes of one file
 */
function keptHunkSizes(files: readonly TreeFile[], budget: number, ceiling: number): Record<Section, number> {
  const all = files.map(hunkBytesOf);
  const together = keptHunkSize(all, budget, ceiling);
  if (together === ceiling) return { t: ceiling, u: ceiling };
  const tracked = all.filter((_, at) => files[at] !== undefined && sectionOf(files[at]) === "t");
  const untracked = all.slice(tracked.length); // they stand behind the tracked ones
  const t = Math.max(together, keptHunkSize(tracked, Math.floor(budget / 2), ceiling));
  const kept = tracked.reduce((sum, size) => sum + (size <= t ? size : 0), 0);
  return { t, u: keptHunkSize(untracked, budget - kept, ceiling) };
}

/**
 * The size above which hunks are not kept in memory, so that what is kept stays within a budget: the smallest files
 * are kept first, as the limit of what a client is sent drops the largest first.
 *
 * @param sizes bytes of each file's hunks
 * @param budget bytes
 * @returns the largest size that is kept; `ceiling` when everything fits
 */
export function keptHunkSize(sizes: readonly number[], budget: number, ceiling: number): number {
  let total = 0;
  for (const size of sizes) total += size <= ceiling ? size : 0;
  if (total <= budget) return ceiling;
  let kept = 0;
  const ascending = sizes.filter((size) => size <= ceiling).sort((a, b) => a - b);
  for (const size of ascending) {
    kept += size;
    // all files of one size go the same way
    if (kept > budget) return size - 1;
  }
  return ceiling;
}
