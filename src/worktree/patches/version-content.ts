import { submoduleContent } from "../../diff/index.js";
import type { Oid, Repository } from "../../git/index.js";
import { GITLINK } from "../file-mode.js";
import type { Version } from "./changes.js";
import type { WorkFiles } from "./work-files.js";

/** Nothing larger is read for a comparison, in bytes, whatever is configured: git's default for binary files. */
const COMPARED_MAX_BYTES = 512 * 2 ** 20;

/** The content and the size of versions of files, be they objects, files on disk or submodules. Paths are byte paths. */
export class VersionContent {
  readonly #repository: Repository;
  readonly #workFiles: WorkFiles;
  readonly #indexOidOf: (path: string) => Oid | undefined;

  /** @param indexOidOf the blob of a path's index entry, for files on disk */
  constructor(repository: Repository, workFiles: WorkFiles, indexOidOf: (path: string) => Oid | undefined) {
    this.#repository = repository;
    this.#workFiles = workFiles;
    this.#indexOidOf = indexOidOf;
  }

  /** The bytes of a version. @throws FileChangedError when a file on disk is another one by now */
  async read(path: string, version: Version): Promise<Uint8Array> {
    if (version.mode === GITLINK) return submoduleContent(version.oid, version.dirty ?? false);
    if (version.source === "disk") return this.#workFiles.content(path, version.oid, this.#indexOidOf(path));
    return this.#repository.readBlob(version.oid);
  }

  /** In bytes, without a look at the content; 0 for a submodule. */
  sizeOf(path: string, version: Version): number {
    if (version.mode === GITLINK) return 0;
    if (version.source === "disk") return this.#workFiles.known(path)?.contentSize ?? 0;
    return this.#repository.blobSize(version.oid);
  }

  /** Over `core.bigFileThreshold`: binary, whatever is in it, and not read unless it was for another reason. */
  isLarge(path: string, version: Version): boolean {
    if (version.mode === GITLINK) return false;
    if (version.source === "disk") return this.#workFiles.known(path)?.large === true;
    return this.#repository.blobSize(version.oid) > this.#repository.bigFileThresholdBytes;
  }

  /** Whether the version is never read for a comparison. */
  isTooLarge(path: string, version: Version): boolean {
    return this.isLarge(path, version) && this.sizeOf(path, version) > COMPARED_MAX_BYTES;
  }
}

/** The content of a side that nobody reads. */
export function noContent(): Uint8Array {
  return new Uint8Array();
}
