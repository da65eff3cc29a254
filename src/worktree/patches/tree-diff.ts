import type { Head, IndexFile, Repository, RepositoryPart, TreeEntry } from "../../git/index.js";
import { fileSystemPath, textOfBytes } from "../../git/index.js";
import type { FileChanges, TreeFile } from "../../protocol/index.js";
import { messageOf } from "../../util/index.js";
import { TreeComparisons } from "../comparison/tree-comparisons.js";
import { GITLINK } from "../file-mode.js";
import { provesSame, type Stamp } from "../file-stamp.js";
import { baseName } from "../paths.js";
import type { Coverage } from "../scan/coverage.js";
import { changedEntries, IndexTree } from "../scan/index-tree.js";
import { DENIED, lookAt } from "../scan/lstat.js";
import { ScanRunner } from "../scan/scan-runner.js";
import { TreeScan } from "../scan/tree-scan.js";
import { type Change, ChangeList, indexBlob } from "./changes.js";
import { DiskVersions } from "./disk-versions.js";
import { NotReadyError } from "./not-ready.js";
import type { Pair } from "./pairs.js";
import type { PassesWithout, PassRequest, PathTrouble } from "./pass-request.js";
import { type PatchBudget, PatchSet } from "./patch-set.js";
import { Patcher, type TreePatch } from "./patcher.js";
import { RenameDetection } from "./rename-detection.js";
import type { SlowReads } from "./slow-reads.js";
import type { Modifications, Submodules } from "./submodules.js";
import { VersionContent } from "./version-content.js";
import { FileChangedError, WorkFiles } from "./work-files.js";

/** Files that decide how others are looked at. */
const RULE_FILES: ReadonlySet<string> = new Set([".gitignore", ".gitattributes", ".gitmodules"]);

/**
 * One working tree's diff, as a function of the repository and the files: {@link pass} looks at what may have changed
 * and makes the result true again. Knows nothing of events and time.
 */
export class TreeDiff {
  readonly repository: Repository;
  head: Head = { branch: "", commit: undefined, tree: "" };
  remoteOrigin = "";
  /** What failed in the last pass. */
  troubles: PathTrouble[] = [];
  /** Paths that changed while they were read: the next pass looks at them again. */
  readonly changedWhileRead = new Set<string>();
  /** The diffs against something else than HEAD, which each pass makes true as well. */
  readonly comparisons: TreeComparisons;

  /**
   * Files that the diff is without: they are being read beside the passes, or could not be read there. Byte paths; what was
   * known of them before is not what they are now.
   */
  readonly #without = new Map<string, "reading" | "failed">();
  readonly #reads: SlowReads | undefined;
  readonly #patienceMs: number;
  readonly #runner: ScanRunner;
  readonly #scan: TreeScan;
  readonly #workFiles: WorkFiles;
  readonly #disk: DiskVersions;
  readonly #renames: RenameDetection;
  readonly #patcher: Patcher;
  readonly #patches: PatchSet;
  readonly #changes = new ChangeList();
  /** What differs from HEAD as of the last pass. */
  #uncommitted: readonly Change[] = [];
  #index: IndexFile;
  #headDifferences: ReadonlyMap<string, TreeEntry | undefined> = new Map();
  /** What is known to be outdated; emptied as it is made true, so that a pass that failed is taken up by the next. */
  readonly #outdated = { paths: new Map<string, boolean>(), repository: true, head: true, tracked: true };

  /** Reads nothing but the index. @param without absent: a pass waits for every file */
  constructor(
    repository: Repository,
    coverage: Coverage,
    submodules: Submodules,
    budget: PatchBudget = {},
    without?: PassesWithout,
  ) {
    this.repository = repository;
    this.#runner = new ScanRunner(repository.root, () => repository.indexBytes()); // starts while the index is read
    this.#index = repository.index();
    this.#scan = new TreeScan(repository, coverage, this.#index, new IndexTree(this.#index));
    this.#reads = without?.reads;
    this.#patienceMs = without?.patienceMs ?? 0;
    const workFiles = new WorkFiles(repository, without && { repository, ...without });
    const content = new VersionContent(repository, workFiles, (path) => indexBlob(this.#index, path));
    this.#workFiles = workFiles;
    this.#disk = new DiskVersions(repository, workFiles, submodules);
    this.#renames = new RenameDetection(repository, content);
    this.#patcher = new Patcher({ repository, workFiles, content, renames: this.#renames });
    this.#patches = new PatchSet(this.#patcher, (path) => repository.patchRank(path), budget);
    this.comparisons = new TreeComparisons({ repository, workFiles, content, budget });
  }

  /** The diff as of the last pass, ascending by key; files that did not change are the same objects as before. */
  get files(): readonly TreeFile[] {
    return this.#patches.files;
  }

  /** Byte paths of directories with entries that are left out because their path is longer than the system takes. */
  get tooDeep(): ReadonlySet<string> {
    return this.#scan.tooDeep;
  }

  /** Files that are still being read: the {@link files} are without them. Byte paths. */
  get notReady(): string[] {
    return [...this.#without].filter(([, why]) => why === "reading").map(([path]) => path);
  }

  /** Settles when all that is being read now has been read; the next pass takes it. */
  async readsSettled(): Promise<void> {
    await this.#reads?.settled();
  }

  /** How the tree differs from its HEAD, as git asks it of submodules. */
  get modifications(): Modifications {
    const untracked = this.files.at(-1)?.key.startsWith("u:") ?? false; // they are the last ones
    const staged = this.#headDifferences.size > 0;
    const { differs, filterNotRun } = this.#disk.summary();
    const isUnknown = !staged && !differs && filterNotRun !== undefined;
    return { tracked: staged || differs, untracked, ...(isUnknown && { filterNotRun }) };
  }

  /** How many names of files with several names are not watched, because there are too many. */
  get unwatchedLinks(): number {
    return this.#scan.unwatchedLinks;
  }

  /** The files that the passes have found changed shortly after they were written; each once. */
  takeYoungFiles(): ReadonlySet<string> {
    return this.#workFiles.takeYoung();
  }

  /** Whether nothing is outdated: a pass would look at what its request names, and at nothing else. */
  get isCurrent(): boolean {
    const { paths, repository, head, tracked } = this.#outdated;
    if (repository || head || tracked || !this.comparisons.isCurrent) return false;
    return paths.size + this.changedWhileRead.size === 0;
  }

  /**
   * Whether a path still stands for the very file that was there when it was last looked at. Only the file's content
   * can have changed then, and a look at it is a look at nothing else. `false` where that is not known.
   */
  isSameFile(path: string): boolean {
    if (RULE_FILES.has(baseName(path))) return false;
    const stats = lookAt(fileSystemPath(this.repository.root, path));
    if (stats === undefined || stats === DENIED || !stats.isFile()) return false;
    const { tracked, untracked } = this.#scan.candidates;
    const stamp = tracked.get(path) ?? untracked.get(path);
    if (stamp !== undefined) return stamp.ino === stats.ino;
    const position = this.#index.find(path);
    return position >= 0 && !tracked.has(path) && this.#index.inode(position) === stats.ino % 2 ** 32;
  }

  /** Whether a look at a file proves that it is as it was last read. One `lstat`. @param path byte path */
  isAsRead(path: string): boolean {
    const known = this.#workFiles.known(path);
    const stats = lookAt(fileSystemPath(this.repository.root, path));
    return known !== undefined && stats !== undefined && stats !== DENIED && provesSame(known.stamp, stats);
  }

  /**
   * Makes the diff true again.
   *
   * @returns what leads from the {@link files} before to those after
   * @throws what concerns the tree as a whole; then the files are as before, and the next pass takes it up
   */
  async pass(request: PassRequest): Promise<FileChanges> {
    for (const [path, replaced] of request.paths) this.#invalidatePath(path, replaced);
    for (const path of this.changedWhileRead) this.#invalidatePath(path, true);
    this.changedWhileRead.clear();
    this.troubles = [];
    if (request.everything === "sweep") this.#scan.sweep();
    if (request.everything === "relist") this.#scan.relist();
    if (request.repository.size > 0) this.#invalidateParts(this.repository.revalidate(request.repository));
    if (this.#outdated.repository) await this.#readRepository();
    await this.#runner.run(this.#scan, this.#outdated.paths);
    for (const [path, code] of this.#scan.unreadable) this.troubles.push({ path, message: code });
    if (this.#scan.attributeFiles.moved) {
      this.repository.invalidate(["attributes"]);
      this.#readAllAgain();
    }
    this.#scan.attributeFiles.moved = false;
    if (this.#outdated.head) {
      this.#headDifferences = await this.repository.headDifferences(this.#index, this.head.tree);
      this.#outdated.head = false;
      this.#outdated.tracked = true;
    }
    await this.#readTouchedFiles();
    if (this.#outdated.tracked) {
      this.comparisons.outdate();
      await this.#patchTracked();
    }
    const onPathError = (path: string, error: unknown): void => this.#onPathError(path, error);
    const changes = await this.#patches.commit(onPathError);
    const { files, head } = this;
    const compared = {
      index: this.#index,
      headDifferences: this.#headDifferences,
      disk: this.#disk.differing,
      uncommitted: this.#uncommitted,
    };
    const pair = (renames: RenameDetection, listed: readonly Change[]) => this.#pair(renames, listed);
    await this.comparisons.update({ ...compared, head, files, changes, pair, onPathError });
    if (this.#patches.keepsText) this.#workFiles.endPass(); // otherwise the patches are yet to be made
    return changes;
  }

  /**
   * The patches of the current state in their order, made anew one by one; nothing is kept, and what the pass has kept of
   * each file goes. Those that can't be made are left out and added to the {@link troubles}.
   *
   * @param key of the comparison whose patches are meant; default: those against HEAD
   */
  async *patches(key?: string): AsyncGenerator<TreePatch> {
    const comparison = key === undefined ? undefined : this.comparisons.get(key);
    const pairs = this.#patches.pairs();
    for (const pair of comparison?.pairs(pairs) ?? pairs) {
      try {
        yield await (comparison ?? this.#patcher).patch(pair);
      } catch (error) {
        this.#addTrouble(pair.path, error);
      }
      this.#workFiles.dropContent(pair.path);
    }
  }

  /** Ends all coverage. */
  close(): void {
    this.#runner.close();
    this.#reads?.close();
    this.#scan.close();
  }

  #invalidatePath(path: string, replaced: boolean): void {
    this.#outdated.paths.set(path, replaced || this.#outdated.paths.get(path) === true);
  }

  /** What was made from those parts of the repository is outdated. */
  #invalidateParts(parts: ReadonlySet<RepositoryPart>): void {
    this.#outdated.repository = true;
    this.comparisons.doubt();
    if (parts.has("head")) this.#outdated.head = true;
    if (parts.has("ignore") || parts.has("config")) this.#scan.relist();
    if (parts.has("attributes") || parts.has("config")) this.#readAllAgain();
  }

  /** Attributes and configuration decide how files are read; those with proven index entries stay proven, as in git. */
  #readAllAgain(): void {
    this.#workFiles.forgetAll();
    this.#scan.candidates.touchAll();
    this.#patches.doubt();
    this.comparisons.doubtPatches();
    this.#outdated.tracked = true;
  }

  async #readRepository(): Promise<void> {
    const head = await this.repository.head();
    const index = this.repository.index();
    this.remoteOrigin = await this.repository.remoteOrigin();
    if (head.tree !== this.head.tree) this.#outdated.head = true;
    this.head = head;
    if (index !== this.#index) {
      for (const path of changedEntries(this.#index, index)) {
        this.#invalidatePath(path, true);
        // git falls back to the index for a `.gitattributes` that is not in the working tree
        if (baseName(path) === ".gitattributes") this.#scan.attributeFiles.moved = true;
      }
      this.#index = index;
      this.#scan.reindex(index, new IndexTree(index));
      this.#outdated.head = true;
    }
    this.#outdated.repository = false;
  }

  /** Reads the files behind the touched paths, and patches the untracked ones. */
  async #readTouchedFiles(): Promise<void> {
    const { touched } = this.#scan.candidates;
    if (this.#scan.directoriesMoved) for (const path of this.#disk.links) touched.add(path);
    this.#scan.directoriesMoved = false;
    if (touched.has(".gitmodules")) this.#touchSubmodules();
    const wasIdle = this.#reads?.isIdle ?? true;
    this.#touchReady();
    await this.#readTouched();
    if (this.#reads === undefined || this.#reads.isIdle || !wasIdle) return;
    // most filters are quick, and then nothing is missing from any state
    await this.#reads.settled(this.#patienceMs);
    this.#touchReady();
    await this.#readTouched();
  }

  #touchReady(): void {
    for (const path of this.#reads?.takeReady() ?? []) this.#scan.candidates.touched.add(path);
  }

  async #readTouched(): Promise<void> {
    const { touched, untracked } = this.#scan.candidates;
    for (const path of touched) {
      try {
        if (await this.#updateTracked(path)) this.#outdated.tracked = true;
        await this.#patchUntracked(path, untracked.get(path));
        if (this.#without.delete(path)) this.#outdated.tracked = true;
      } catch (error) {
        this.#onPathError(path, error);
      }
      touched.delete(path);
    }
  }

  /** What of submodules counts is asked anew. */
  #touchSubmodules(): void {
    const { touched, tracked } = this.#scan.candidates;
    for (const path of tracked.keys()) {
      const position = this.#index.find(path);
      if (position >= 0 && this.#index.mode(position) === GITLINK) touched.add(path);
    }
    this.#outdated.tracked = true;
  }

  /** @returns whether what is on disk differs from the index in another way than before */
  async #updateTracked(path: string): Promise<boolean> {
    const { tracked } = this.#scan.candidates;
    const position = this.#index.find(path);
    if (position < 0 || !tracked.has(path)) return this.#disk.forgetTracked(path);
    return this.#disk.updateTracked(this.#index, position, tracked.get(path));
  }

  async #patchUntracked(path: string, stamp: Stamp | undefined): Promise<void> {
    const file = await this.#disk.readUntracked(path, stamp);
    if (file === undefined) {
      if (this.#index.find(path) < 0) this.#workFiles.forget(path);
      this.#patches.deleteUntracked(path);
      return;
    }
    const { mode, oid, filterNotRun } = file;
    const after = { mode, oid, source: "disk", filterNotRun } as const;
    const pair: Pair = { path, beforePath: path, before: undefined, after, tracked: false, similarity: undefined };
    await this.#patches.setUntracked(pair);
  }

  async #patchTracked(): Promise<void> {
    this.#uncommitted = this.#changes.list({
      index: this.#index,
      head: this.#headDifferences,
      disk: this.#disk.differing,
      ignoresSubmodule: (path) => this.repository.submoduleIgnore(path) === "all",
    });
    const pairs = await this.#pair(this.#renames, this.#uncommitted);
    if (pairs === undefined) return;
    const complete = await this.#patches.setTracked(pairs, (path, error) => this.#onPathError(path, error));
    this.#outdated.tracked = !complete;
  }

  /** `undefined`: a file changed meanwhile, and the pairs wait until it is known what it is now. */
  async #pair(renames: RenameDetection, listed: readonly Change[]): Promise<Pair[] | undefined> {
    for (;;) {
      try {
        return await renames.pair(listed.filter(({ path }) => !this.#without.has(path)));
      } catch (error) {
        if (error instanceof NotReadyError) {
          this.#setNotReady(error.path); // the others are paired without it
          continue;
        }
        if (!(error instanceof FileChangedError)) throw error;
        this.changedWhileRead.add(error.path);
        return undefined;
      }
    }
  }

  #onPathError(path: string, error: unknown): void {
    if (error instanceof FileChangedError) this.changedWhileRead.add(error.path);
    else if (error instanceof NotReadyError) this.#setNotReady(error.path);
    else {
      if (this.#without.has(path)) this.#without.set(path, "failed");
      this.#addTrouble(path, error);
    }
  }

  /** Leaves a file out until it has been read: what was known of it is not what it is now. */
  #setNotReady(path: string): void {
    const isNew = !this.#without.has(path);
    this.#without.set(path, "reading");
    if (!isNew) return;
    this.#outdated.tracked = true;
    this.#patches.deleteUntracked(path);
  }

  #addTrouble(path: string, error: unknown): void {
    this.troubles.push({ path, message: `${textOfBytes(path)}: ${messageOf(error)}`, cause: error });
  }
}
