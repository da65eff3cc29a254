import { lstatSync } from "node:fs";
import type { CleanFile, Oid, Repository } from "../../git/index.js";
import { fileSystemPath, WorkFileChangedError } from "../../git/index.js";
import { isAbsent, systemCode } from "../../util/index.js";
import { provesSame, type Stamp, stampOf } from "../file-stamp.js";

/** A file on disk as git would compare it, remembered without its content. */
export interface WorkFile {
  readonly stamp: Stamp;
  readonly mode: number;
  readonly oid: Oid;
  /** As {@link CleanFile} has them. */
  readonly contentSize: number;
  readonly converts: boolean;
  readonly holdsNul: boolean | undefined;
  readonly large: boolean;
}

/** What is read with: the repository of the files. */
export type WorkFileReader = Pick<Repository, "root" | "clean">;

/** Content that is kept from the reading to the patch, in bytes for each pass; beyond it a file is read twice. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** The file was replaced between two looks at it; an event of that is on its way, or the next sweep finds it. */
export class FileChangedError extends Error {
  constructor(readonly path: string) {
    super(`${path}: the file changed while it was read`);
    this.name = "FileChangedError";
  }
}

/** Reads files of the working tree, converted as git would, and remembers which version it saw of each. */
export class WorkFiles {
  readonly #repository: WorkFileReader;
  readonly #known = new Map<string, WorkFile>();
  readonly #contents = new Map<string, CleanFile>();
  #keptBytes = 0;

  constructor(repository: WorkFileReader) {
    this.#repository = repository;
  }

  /**
   * The file's version. What is known is taken when `stamp` proves it still holds.
   *
   * @param stamp the newest look at the file
   * @param indexOid the blob of its index entry, at which `core.autocrlf` looks
   * @returns `undefined` when the file is not there any more, or has become a directory
   * @throws a system error when it can't be read
   */
  async read(path: string, stamp: Stamp, indexOid: Oid | undefined): Promise<WorkFile | undefined> {
    const known = this.#known.get(path);
    if (known !== undefined && provesSame(known.stamp, stamp)) return known;
    const clean = await this.#clean(path, indexOid);
    return clean && this.#known.get(path);
  }

  /**
   * The content of one version of a file on disk.
   * @param oid what {@link read} said
   * @throws FileChangedError when the file is another one by now
   */
  async content(path: string, oid: Oid, indexOid: Oid | undefined): Promise<Uint8Array> {
    const kept = this.#contents.get(path);
    const clean = kept?.oid === oid ? kept : await this.#clean(path, indexOid);
    if (clean?.oid !== oid) throw new FileChangedError(path);
    return clean.content();
  }

  /** What is known of the path, without a look. */
  known(path: string): WorkFile | undefined {
    return this.#known.get(path);
  }

  forget(path: string): void {
    this.#known.delete(path);
    this.#contents.delete(path);
  }

  /** Everything has to be read again: the conversion has changed. */
  forgetAll(): void {
    this.#known.clear();
    this.endPass();
  }

  /** Drops the contents that were kept. */
  endPass(): void {
    this.#contents.clear();
    this.#keptBytes = 0;
  }

  async #clean(path: string, indexOid: Oid | undefined): Promise<CleanFile | undefined> {
    const takenAt = Date.now();
    let clean: CleanFile;
    let stamp: Stamp;
    try {
      const stats = lstatSync(fileSystemPath(this.#repository.root, path));
      if (stats.isDirectory()) return this.#gone(path);
      // a FIFO would be waited for; git too says of a tracked one that it can't hash it
      if (!stats.isFile() && !stats.isSymbolicLink()) throw new Error("neither a file nor a link");
      stamp = stampOf(stats, takenAt);
      clean = await this.#repository.clean(path, stats, indexOid);
    } catch (error) {
      if (error instanceof WorkFileChangedError) throw new FileChangedError(path);
      if (isAbsent(error) || systemCode(error) === "EISDIR") return this.#gone(path);
      throw error;
    }
    const { mode, oid, contentSize, converts, holdsNul, large } = clean;
    this.#known.set(path, { stamp, mode, oid, contentSize, converts, holdsNul, large });
    if (this.#keptBytes + contentSize <= KEPT_BYTES) {
      this.#keptBytes += contentSize;
      this.#contents.set(path, clean);
    }
    return clean;
  }

  #gone(path: string): undefined {
    this.forget(path);
    return undefined;
  }
}
