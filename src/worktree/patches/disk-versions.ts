import { statSync } from "node:fs";
import type { IndexFile, Repository } from "../../git/index.js";
import { fileSystemPath } from "../../git/index.js";
import { systemCode } from "../../util/index.js";
import { GITLINK, isDirectoryMode, isFileMode, isLinkMode } from "../file-mode.js";
import type { Stamp } from "../file-stamp.js";
import { type DiskVersion, indexBlob } from "./changes.js";
import type { Submodules } from "./submodules.js";
import type { WorkFile, WorkFiles } from "./work-files.js";

const EXECUTABLE_BITS = 0o111;
const READABLE_BITS = 0o644;

/** What is on disk where it differs from the index. Paths are byte paths. */
export class DiskVersions {
  /** Tracked paths whose file differs from its entry; `undefined`: not there. */
  readonly #differing = new Map<string, DiskVersion | undefined>();
  /** Untracked symbolic links: where they lead decides whether they are shown. */
  readonly #links = new Set<string>();
  readonly #repository: Repository;
  readonly #workFiles: WorkFiles;
  readonly #submodules: Submodules;

  constructor(repository: Repository, workFiles: WorkFiles, submodules: Submodules) {
    this.#repository = repository;
    this.#workFiles = workFiles;
    this.#submodules = submodules;
  }

  /** Tracked paths whose file differs from its entry; `undefined`: not there. */
  get differing(): ReadonlyMap<string, DiskVersion | undefined> {
    return this.#differing;
  }

  /**
   * Whether any tracked file differs from its entry, as far as is known; where none does, the filter for want of which
   * that is not known of some.
   */
  summary(): { differs: boolean; filterNotRun: string | undefined } {
    let filterNotRun: string | undefined;
    for (const version of this.#differing.values()) {
      if (version?.filterNotRun === undefined || version.dirty === true)
        return { differs: true, filterNotRun: undefined };
      filterNotRun ??= version.filterNotRun;
    }
    return { differs: false, filterNotRun };
  }

  /** Untracked symbolic links, to be read again when directories have come or gone. */
  get links(): ReadonlySet<string> {
    return this.#links;
  }

  /**
   * Reads a tracked file that its entry does not prove unchanged.
   *
   * @param stamp the newest look at it; `undefined`: it is not there
   * @returns whether what is known of the path has changed
   * @throws FileChangedError when it changes meanwhile, or a system error; what was known of it stands
   */
  async updateTracked(index: IndexFile, position: number, stamp: Stamp | undefined): Promise<boolean> {
    const path = index.path(position);
    const file = stamp && (await this.#readTracked(index, position, stamp));
    const differs =
      file === undefined ||
      file.dirty === true ||
      file.filterNotRun !== undefined ||
      index.stage(position) !== 0 ||
      index.intentToAdd(position) ||
      file.mode !== index.mode(position) ||
      file.oid !== index.oid(position);
    if (!differs) return this.forgetTracked(path);
    const known = this.#differing.get(path);
    if (this.#differing.has(path) && isSame(known, file)) return false;
    this.#differing.set(path, file);
    return true;
  }

  /** A path is not tracked, or unchanged. @returns whether it was known to differ */
  forgetTracked(path: string): boolean {
    return this.#differing.delete(path);
  }

  /**
   * Reads an untracked file or link.
   *
   * @param stamp the newest look at it; `undefined`: there is none at the path
   * @returns `undefined` when nothing of it is shown
   * @throws FileChangedError when it changes meanwhile, or a system error
   */
  async readUntracked(path: string, stamp: Stamp | undefined): Promise<WorkFile | undefined> {
    const isLink = stamp !== undefined && isLinkMode(stamp.mode);
    if (isLink) this.#links.add(path);
    else this.#links.delete(path);
    if (stamp === undefined || (isLink && this.#leadsToDirectory(path))) return undefined;
    return this.#workFiles.read(path, stamp, undefined);
  }

  async #readTracked(index: IndexFile, position: number, stamp: Stamp): Promise<DiskVersion | undefined> {
    const path = index.path(position);
    const indexMode = index.mode(position);
    if (isDirectoryMode(stamp.mode)) {
      return indexMode === GITLINK ? this.#readSubmodule(path, index.oid(position)) : this.#readNested(path);
    }
    const file = await this.#workFiles.read(path, stamp, indexBlob(index, path));
    if (file === undefined) return undefined;
    const { oid, filterNotRun } = file;
    return { mode: this.#modeOf(file.mode, indexMode), oid, filterNotRun };
  }

  /** The mode that counts. @param mode on disk @param indexMode of the entry */
  #modeOf(mode: number, indexMode: number): number {
    const { trustsFileMode, trustsSymlinks } = this.#repository;
    if (!isFileMode(mode)) return mode;
    if (isLinkMode(indexMode)) return trustsSymlinks ? mode : indexMode;
    return trustsFileMode ? mode : (mode & ~EXECUTABLE_BITS) | (indexMode & EXECUTABLE_BITS) | READABLE_BITS;
  }

  /** A repository has taken the place of a tracked file. */
  #readNested(path: string): DiskVersion | undefined {
    const head = this.#repository.submoduleHead(path);
    return head === undefined ? undefined : { mode: GITLINK, oid: head };
  }

  async #readSubmodule(path: string, indexOid: string): Promise<DiskVersion> {
    if (this.#repository.submoduleIgnore(path) === "all") return { mode: GITLINK, oid: indexOid };
    const state = await this.#submodules.state(path);
    const { head = indexOid, dirty = false, filterNotRun } = state ?? {};
    return { mode: GITLINK, oid: head, dirty, filterNotRun };
  }

  /** `git diff --no-index` follows a link to a directory and has nothing to say of it; other links are their text. */
  #leadsToDirectory(path: string): boolean {
    try {
      return statSync(fileSystemPath(this.#repository.root, path), { throwIfNoEntry: false })?.isDirectory() === true;
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return false; // a loop, or behind a door that is closed to us
    }
  }
}

function isSame(one: DiskVersion | undefined, other: DiskVersion | undefined): boolean {
  return (
    one?.oid === other?.oid &&
    one?.mode === other?.mode &&
    one?.dirty === other?.dirty &&
    one?.filterNotRun === other?.filterNotRun
  );
}
