import { statSync } from "node:fs";
import type { FilePatch } from "../../diff/index.js";
import type { Head, IndexFile, Oid, Repository, RepositoryPart, TreeEntry } from "../../git/index.js";
import type { TreeFile } from "../../protocol/index.js";
import { mergeFiles } from "../../protocol/index.js";
import { messageOf, systemCode } from "../../util/index.js";
import type { Stamp } from "../file-stamp.js";
import type { Modifications, Submodules } from "../follow/followed-submodules.js";
import type { PassRequest } from "../follow/pending-work.js";
import { baseName, nativePath, pathText } from "../paths.js";
import { CheckThread } from "../scan/check-thread.js";
import type { Coverage } from "../scan/coverage.js";
import { changedEntries, IndexTree } from "../scan/index-tree.js";
import { TreeScan } from "../scan/tree-scan.js";
import { type DiskVersion, listChanges } from "./changes.js";
import { hunkBytesOf, keptHunkSize } from "./file-list.js";
import type { Pair } from "./pairs.js";
import { Patcher } from "./patcher.js";
import { emptyTreeFile, fileKey, type Section, toTreeFile } from "./tree-file.js";
import { FileChangedError, WorkFiles } from "./work-files.js";

const GITLINK = 0o160000;
const EXECUTABLE_BITS = 0o111;

/** How long a pass works before other events of the thread get a turn, in milliseconds. */
const SLICE_MS = 12;

export interface ModelOptions {
  /** Hunks of one file over this many bytes of UTF-8 are left out and counted. Default: none are. */
  maxPatchBytes?: number;
  /** Hunks that are kept in memory for the whole tree, in bytes of UTF-8; the largest are left out first. */
  keptPatchBytes?: number;
  /** `false`: no patch is made before {@link TreeDiff.patches} asks, and none is kept. */
  keepText?: boolean;
}

/** A failure that concerns one path; what was known of it stands. */
export interface PathTrouble {
  readonly path: string;
  readonly message: string;
  /** What was thrown, unless it was only found that something is closed to us. */
  readonly cause?: unknown;
}

interface Published {
  readonly signature: string;
  readonly pair: Pair;
  readonly section: Section;
}

/**
 * One working tree's diff, as a function of the repository and the files: {@link pass} looks at what is in doubt and
 * makes the result true again. Knows nothing of events and time.
 */
export class TreeDiff {
  readonly repository: Repository;
  readonly world: TreeScan;
  files: readonly TreeFile[] = [];
  head: Head = { branch: "", commit: undefined, tree: "" };
  remoteOrigin = "";
  troubles: PathTrouble[] = [];
  /** Paths that changed while they were read: to be looked at again. */
  readonly changedWhileRead = new Set<string>();

  readonly #workFiles: WorkFiles;
  readonly #patcher: Patcher;
  readonly #submodules: Submodules;
  readonly #options: Required<ModelOptions>;
  readonly #published = new Map<string, Published>();
  /** Tracked paths whose file differs from the index; `undefined`: not there. */
  readonly #disk = new Map<string, DiskVersion | undefined>();
  /** Untracked symbolic links: where they lead decides whether they are shown. */
  readonly #links = new Set<string>();
  #ahead: CheckThread | undefined;
  #index: IndexFile;
  #headDifferences: ReadonlyMap<string, TreeEntry | undefined> = new Map();
  /** What is known to be outdated; emptied as it is made true, so that a pass that failed is taken up by the next. */
  readonly #outdated = { paths: new Map<string, boolean>(), repository: true, head: true, tracked: true };
  #maxHunkBytes: number;

  constructor(repository: Repository, coverage: Coverage, submodules: Submodules, options: ModelOptions = {}) {
    this.repository = repository;
    this.#submodules = submodules;
    this.#options = {
      maxPatchBytes: options.maxPatchBytes ?? Number.POSITIVE_INFINITY,
      keptPatchBytes: options.keptPatchBytes ?? Number.POSITIVE_INFINITY,
      keepText: options.keepText ?? true,
    };
    this.#maxHunkBytes = this.#options.maxPatchBytes;
    this.#ahead = this.#startAhead(); // its thread starts while the index is read
    this.#index = repository.index();
    this.world = new TreeScan(repository, coverage, this.#index, new IndexTree(this.#index));
    this.#workFiles = new WorkFiles(repository);
    this.#patcher = new Patcher(repository, this.#workFiles);
  }

  /** Makes everything in doubt true. What fails stays outdated and is taken up by the next pass. */
  async pass(doubts: PassRequest): Promise<void> {
    for (const [path, replaced] of doubts.paths) this.#doubt(path, replaced);
    for (const path of this.changedWhileRead) this.#doubt(path, true);
    this.changedWhileRead.clear();
    this.troubles = [];
    if (doubts.everything === "sweep") this.world.sweep();
    if (doubts.everything === "relist") this.world.relist();
    if (doubts.repository.size > 0) this.#invalidate(this.repository.revalidate(doubts.repository));
    if (this.#outdated.repository) await this.#readRepository();
    await this.#lookAtFiles();
    if (this.world.attributeFiles.moved) {
      this.repository.invalidate(["attributes"]);
      this.#readAllAgain();
    }
    this.world.attributeFiles.moved = false;
    if (this.#outdated.head) {
      this.#headDifferences = await this.repository.headDifferences(this.#index, this.head.tree);
      this.#outdated.head = false;
      this.#outdated.tracked = true;
    }
    const changes = new Map<string, TreeFile | undefined>();
    await this.#settle(changes);
    if (this.#outdated.tracked) await this.#patchTracked(changes);
    this.files = mergeFiles(this.files, changes);
    await this.#keepWithinBudget();
    this.#workFiles.endPass();
  }

  /** How the tree differs from its HEAD, as git asks it of submodules. */
  get modifications(): Modifications {
    const untracked = this.files.some((file) => file.key.startsWith("u:"));
    return { tracked: this.#headDifferences.size > 0 || this.#disk.size > 0, untracked };
  }

  /**
   * The patches of the current state in their order, made anew one by one; nothing is kept. Those that can't be made are
   * left out and added to the {@link troubles}.
   */
  async *patches(): AsyncGenerator<FilePatch> {
    for (const { key } of this.files) {
      const { pair } = this.#published.get(key) ?? {};
      if (pair === undefined) continue;
      try {
        yield await this.#patcher.patch(pair, this.#indexOid(pair.path));
      } catch (error) {
        this.#trouble(pair.path, error);
      }
      this.#workFiles.endPass();
    }
  }

  close(): void {
    this.#endAhead();
    this.world.close();
  }

  #doubt(path: string, replaced: boolean): void {
    this.#outdated.paths.set(path, replaced || this.#outdated.paths.get(path) === true);
  }

  /** What was made from those parts of the repository is outdated. */
  #invalidate(changes: ReadonlySet<RepositoryPart>): void {
    this.#outdated.repository = true;
    if (changes.has("head")) this.#outdated.head = true;
    if (changes.has("ignore") || changes.has("config")) this.world.relist();
    if (changes.has("attributes") || changes.has("config")) this.#readAllAgain();
  }

  /** Attributes and configuration decide how files are read; those with proven index entries stay proven, as in git. */
  #readAllAgain(): void {
    this.#workFiles.forgetAll();
    this.world.candidates.touchAll();
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
        this.#doubt(path, true);
        // git falls back to the index for a `.gitattributes` that is not in the working tree
        if (baseName(path) === ".gitattributes") this.world.attributeFiles.moved = true;
      }
      this.#index = index;
      this.world.reindex(index, new IndexTree(index));
      this.#outdated.head = true;
    }
    this.#outdated.repository = false;
  }

  #startAhead(): CheckThread | undefined {
    return CheckThread.start(this.repository.root, this.repository.indexBytes());
  }

  #endAhead(): void {
    this.#ahead?.close();
    this.#ahead = undefined;
  }

  async #lookAtFiles(): Promise<void> {
    let deadline = performance.now() + SLICE_MS;
    for (const [path, replaced] of this.#outdated.paths) {
      this.world.examine(path, replaced);
      this.#outdated.paths.delete(path);
      if (performance.now() > deadline) {
        await turn();
        deadline = performance.now() + SLICE_MS;
      }
    }
    if (this.world.isNew) {
      this.#ahead ??= this.#startAhead();
      this.world.beginInitialScan(this.#ahead);
    }
    try {
      while (!this.world.step(deadline)) {
        await turn();
        deadline = performance.now() + SLICE_MS;
      }
    } finally {
      this.#endAhead();
    }
    for (const [path, code] of this.world.unreadable) this.troubles.push({ path, message: code });
  }

  /** Reads the files behind the touched paths, and patches the untracked ones. */
  async #settle(changes: Map<string, TreeFile | undefined>): Promise<void> {
    const { touched } = this.world.candidates;
    if (this.world.directoriesMoved) for (const path of this.#links) touched.add(path);
    this.world.directoriesMoved = false;
    for (const path of touched) {
      try {
        await this.#settleTracked(path);
        await this.#settleUntracked(path, changes);
      } catch (error) {
        this.#note(path, error);
      }
      touched.delete(path);
    }
  }

  async #settleTracked(path: string): Promise<void> {
    const position = this.#index.find(path);
    const { tracked } = this.world.candidates;
    let file: DiskVersion | undefined;
    let differs = false;
    if (position >= 0 && tracked.has(path)) {
      const stamp = tracked.get(path);
      file = stamp && (await this.#readTracked(path, position, stamp));
      differs =
        file === undefined ||
        file.dirty === true ||
        this.#index.stage(position) !== 0 ||
        this.#index.intentToAdd(position) ||
        file.mode !== this.#index.mode(position) ||
        file.oid !== this.#index.oid(position);
    }
    const known = this.#disk.get(path);
    const same = known?.oid === file?.oid && known?.mode === file?.mode && known?.dirty === file?.dirty;
    if (differs === this.#disk.has(path) && (same || !differs)) return;
    this.#outdated.tracked = true;
    if (differs) this.#disk.set(path, file);
    else this.#disk.delete(path);
  }

  async #readTracked(path: string, position: number, stamp: Stamp): Promise<DiskVersion | undefined> {
    const indexMode = this.#index.mode(position);
    const indexOid = this.#index.oid(position);
    if (indexMode !== GITLINK && isDirectory(stamp)) {
      // a repository has taken the file's place
      const head = this.repository.submoduleHead(path);
      return head === undefined ? undefined : { mode: GITLINK, oid: head };
    }
    if (indexMode === GITLINK && isDirectory(stamp)) {
      if (this.repository.submoduleIgnore(path) === "all") return { mode: GITLINK, oid: indexOid };
      const state = await this.#submodules.state(path);
      return { mode: GITLINK, oid: state?.head ?? indexOid, dirty: state?.dirty ?? false };
    }
    const file = await this.#workFiles.read(path, stamp, this.#indexOid(path));
    if (file === undefined) return undefined;
    const { trustsFileMode, trustsSymlinks } = this.repository;
    const isLinkEntry = (indexMode & 0o170000) === 0o120000;
    const isRegular = (file.mode & 0o170000) === 0o100000;
    if (isRegular && isLinkEntry && !trustsSymlinks) return { mode: indexMode, oid: file.oid };
    if (isRegular && !isLinkEntry && !trustsFileMode) {
      return { mode: (file.mode & ~EXECUTABLE_BITS) | (indexMode & EXECUTABLE_BITS) | 0o644, oid: file.oid };
    }
    return { mode: file.mode, oid: file.oid };
  }

  async #settleUntracked(path: string, changes: Map<string, TreeFile | undefined>): Promise<void> {
    const key = fileKey("u", path);
    const stamp = this.world.candidates.untracked.get(path);
    const isLink = stamp !== undefined && (stamp.mode & 0o170000) === 0o120000;
    if (isLink) this.#links.add(path);
    else this.#links.delete(path);
    const hidden = stamp === undefined || (isLink && this.#leadsToDirectory(path));
    const file = hidden ? undefined : await this.#workFiles.read(path, stamp, undefined);
    if (file === undefined) {
      if (this.#index.find(path) < 0) this.#workFiles.forget(path);
      if (this.#published.delete(key)) changes.set(key, undefined);
      return;
    }
    const after = { mode: file.mode, oid: file.oid, source: "disk" } as const;
    const pair: Pair = { path, beforePath: path, before: undefined, after, tracked: false, similarity: undefined };
    await this.#publish("u", pair, changes);
  }

  /** `git diff --no-index` follows a link to a directory and has nothing to say of it; other links are their text. */
  #leadsToDirectory(path: string): boolean {
    try {
      return statSync(nativePath(this.repository.root, path), { throwIfNoEntry: false })?.isDirectory() === true;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return false; // a loop, or behind a door that is closed to us
    }
  }

  async #patchTracked(changes: Map<string, TreeFile | undefined>): Promise<void> {
    const listed = listChanges({
      index: this.#index,
      head: this.#headDifferences,
      disk: this.#disk,
      ignoresSubmodule: (path) => this.repository.submoduleIgnore(path) === "all",
    });
    const gone = new Set<string>();
    for (const [key, { section }] of this.#published) if (section === "t") gone.add(key);
    let complete = true;
    let pairs: Pair[];
    try {
      pairs = await this.#patcher.pair(listed, (path) => this.#indexOid(path));
    } catch (error) {
      if (!(error instanceof FileChangedError)) throw error;
      this.changedWhileRead.add(error.path); // the pairs wait until it is known what it is now
      return;
    }
    for (const pair of pairs) {
      gone.delete(this.#keyOf("t", pair.path));
      try {
        await this.#publish("t", pair, changes);
      } catch (error) {
        complete = false;
        this.#note(pair.path, error);
      }
    }
    for (const key of gone) {
      this.#published.delete(key);
      changes.set(key, undefined);
    }
    this.#outdated.tracked = !complete;
  }

  #keyOf(section: Section, path: string): string {
    return fileKey(section, path, section === "t" ? this.repository.patchRank(path) : undefined);
  }

  /** Makes the patch of a pair, unless the one that is there is the same. */
  async #publish(section: Section, pair: Pair, changes: Map<string, TreeFile | undefined>): Promise<void> {
    const key = this.#keyOf(section, pair.path);
    const signature = this.#patcher.signature(pair);
    if (this.#published.get(key)?.signature === signature) return;
    if (!this.#options.keepText) {
      this.#published.set(key, { signature, pair, section });
      changes.set(key, emptyTreeFile(key));
      return;
    }
    const patch = await this.#patcher.patch(pair, this.#indexOid(pair.path));
    this.#published.set(key, { signature, pair, section });
    if (patch.bytes.length === 0) changes.set(key, undefined);
    else changes.set(key, toTreeFile(key, patch, this.#maxHunkBytes));
  }

  async #keepWithinBudget(): Promise<void> {
    const { keptPatchBytes, maxPatchBytes } = this.#options;
    if (keptPatchBytes === Number.POSITIVE_INFINITY) return;
    const limit = keptHunkSize(this.files.map(hunkBytesOf), keptPatchBytes, maxPatchBytes);
    const changes = new Map<string, TreeFile | undefined>();
    for (const file of this.files) {
      const size = hunkBytesOf(file);
      const published = this.#published.get(file.key);
      if (size > limit && file.omitted_bytes === 0) changes.set(file.key, { ...file, hunks: "", omitted_bytes: size });
      if (size > limit || file.omitted_bytes === 0 || published === undefined) continue;
      try {
        const patch = await this.#patcher.patch(published.pair, this.#indexOid(published.pair.path));
        changes.set(file.key, toTreeFile(file.key, patch, limit));
      } catch (error) {
        this.#note(published.pair.path, error);
      }
    }
    this.#maxHunkBytes = limit;
    this.files = mergeFiles(this.files, changes);
  }

  #indexOid(path: string): Oid | undefined {
    const position = this.#index.find(path);
    return position < 0 || this.#index.mode(position) === GITLINK ? undefined : this.#index.oid(position);
  }

  #note(path: string, error: unknown): void {
    if (error instanceof FileChangedError) this.changedWhileRead.add(error.path);
    else this.#trouble(path, error);
  }

  #trouble(path: string, error: unknown): void {
    this.troubles.push({ path, message: `${pathText(path)}: ${messageOf(error)}`, cause: error });
  }
}

function isDirectory({ mode }: Stamp): boolean {
  return (mode & 0o170000) === 0o040000;
}

/** Lets the thread's other events have a turn, those of the watcher among them. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
