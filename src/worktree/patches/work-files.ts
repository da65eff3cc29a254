import { lstatSync } from "node:fs";
import type { CleanFile, FileLook, LineCount, Oid, Repository, SlowReading } from "../../git/index.js";
import { fileSystemPath, WorkFileChangedError } from "../../git/index.js";
import { isAbsent, systemCode } from "../../util/index.js";
import { isFileMode } from "../file-mode.js";
import { provesSame, type Stamp, stampOf } from "../file-stamp.js";
import type { ReadFile } from "./not-ready.js";
import type { SlowReads } from "./slow-reads.js";

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
  readonly lineCount: LineCount | undefined;
  /** Too large to be read: of its content only the size is known. The id is made up. */
  readonly unread: boolean;
  readonly filterNotRun: string | undefined;
}

/** What is read with: the repository of the files. */
export type WorkFileReader = Pick<Repository, "root" | "clean">;

/** How files are read that take long, where passes do not wait for them. */
export interface ReadingBeside {
  readonly repository: Pick<Repository, "slowReading" | "blobSize">;
  readonly reads: SlowReads;
  /** Larger files that are compared as they are, and whose size is another one than before, are not read. Bytes. */
  readonly maxHashedBytes: number;
}

/** Content that is kept from the reading to the patch, in bytes; beyond it a file is read twice. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** A file that changed so shortly ago, in milliseconds, may be written on without an event. */
const YOUNG_MS = 10_000;

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
  readonly #beside: ReadingBeside | undefined;
  #keptBytes = 0;
  #young = new Set<string>();

  /** @param beside absent: every reading is waited for */
  constructor(repository: WorkFileReader, beside?: ReadingBeside) {
    this.#repository = repository;
    this.#beside = beside;
  }

  /**
   * The file's version. What is known is taken when `stamp` proves it still holds. A regular file is opened without another
   * look: what is known of it then is what the open file says of itself.
   *
   * @param stamp the newest look at the file
   * @param indexOid the blob of its index entry, at which `core.autocrlf` looks
   * @returns `undefined` when the file is not there any more
   * @throws a system error when it can't be read; FileChangedError when something else has taken its place; NotReadyError
   *   when it is read beside the passes
   */
  async read(path: string, stamp: Stamp, indexOid: Oid | undefined): Promise<WorkFile | undefined> {
    const known = this.#known.get(path);
    if (known !== undefined && provesSame(known.stamp, stamp)) return known;
    const clean = await this.#clean(path, indexOid, isFileMode(stamp.mode) ? stamp : undefined);
    return clean && this.#known.get(path);
  }

  /**
   * The content of one version of a file on disk.
   * @param oid what {@link read} said
   * @throws FileChangedError when the file is another one by now; NotReadyError as {@link read}
   */
  async content(path: string, oid: Oid, indexOid: Oid | undefined): Promise<Uint8Array> {
    const kept = this.#contents.get(path);
    const clean = kept?.oid === oid ? kept : await this.#clean(path, indexOid);
    if (clean?.oid !== oid) throw new FileChangedError(path);
    try {
      return clean.content();
    } catch (error) {
      throw error instanceof WorkFileChangedError ? new FileChangedError(path) : error;
    }
  }

  /** Drops the content of one file, if it was kept. */
  dropContent(path: string): void {
    this.#keptBytes -= this.#contents.get(path)?.contentSize ?? 0;
    this.#contents.delete(path);
  }

  /** What is known of the path, without a look. */
  known(path: string): WorkFile | undefined {
    return this.#known.get(path);
  }

  forget(path: string): void {
    this.#known.delete(path);
    this.dropContent(path);
    this.#beside?.reads.forget(path);
  }

  /** The files whose content was found to be another one than before, shortly after it was written; each once. */
  takeYoung(): ReadonlySet<string> {
    const young = this.#young;
    this.#young = new Set();
    return young;
  }

  /** Everything has to be read again: the conversion has changed. */
  forgetAll(): void {
    this.#known.clear();
    this.#beside?.reads.forgetAll();
    this.endPass();
  }

  /** Drops all contents that were kept. */
  endPass(): void {
    this.#contents.clear();
    this.#keptBytes = 0;
    this.#beside?.reads.endPass();
  }

  /** @param seen a look at the regular file, which may be some time ago; absent: one is taken */
  async #clean(path: string, indexOid: Oid | undefined, seen?: Stamp): Promise<CleanFile | undefined> {
    const readAt = Date.now();
    let clean: CleanFile;
    let stamp: Stamp;
    try {
      const look = seen ?? this.#look(path);
      if (look === undefined) return this.#gone(path);
      const kind = this.#beside?.repository.slowReading(path, look, indexOid);
      if (kind === undefined) {
        clean = await this.#repository.clean(path, look, indexOid);
        stamp = stampOfRead(clean, { ...look, takenAt: readAt });
      } else ({ stamp, clean } = this.#readBeside(path, kind, indexOid));
    } catch (error) {
      if (error instanceof WorkFileChangedError) throw new FileChangedError(path);
      if (isAbsent(error) || systemCode(error) === "EISDIR") return this.#gone(path);
      throw error;
    }
    const { mode, oid, contentSize, converts, holdsNul, large, lineCount, filterNotRun } = clean;
    if (isFileMode(mode) && readAt - stamp.ctimeMs < YOUNG_MS && this.#known.get(path)?.oid !== oid) {
      this.#young.add(path);
    }
    const unread = oid === unreadOid(contentSize);
    this.#known.set(path, {
      stamp,
      mode,
      oid,
      contentSize,
      converts,
      holdsNul,
      large,
      lineCount,
      unread,
      filterNotRun,
    });
    this.dropContent(path);
    if (this.#keptBytes + contentSize <= KEPT_BYTES) {
      this.#keptBytes += contentSize;
      this.#contents.set(path, clean);
    }
    return clean;
  }

  /** `undefined`: there is a directory. @throws a system error; Error for what can't be read */
  #look(path: string): Stamp | undefined {
    const takenAt = Date.now();
    const stats = lstatSync(fileSystemPath(this.#repository.root, path));
    if (stats.isDirectory()) return undefined;
    // a FIFO would be waited for; git too says of a tracked one that it can't hash it
    if (!stats.isFile() && !stats.isSymbolicLink()) throw new Error("neither a file nor a link");
    return stampOf(stats, takenAt);
  }

  /** @throws NotReadyError; FileChangedError when there is a directory by now */
  #readBeside(path: string, kind: SlowReading, indexOid: Oid | undefined): ReadFile {
    const beside = this.#beside;
    const stamp = this.#look(path); // what is being read is found again by how the file looks now
    if (beside === undefined || stamp === undefined) throw new FileChangedError(path);
    // a file of the same size may be the same file: then only its bytes can tell
    const isSized = kind === "hash" && stamp.size > beside.maxHashedBytes;
    if (isSized && (indexOid === undefined || beside.repository.blobSize(indexOid) !== stamp.size)) {
      return { stamp, clean: unreadFile(stamp) };
    }
    const read = async (signal: AbortSignal): Promise<ReadFile> => {
      const look = this.#look(path);
      if (look === undefined) throw new FileChangedError(path);
      const clean = await this.#repository.clean(path, look, indexOid, signal);
      return { stamp: stampOfRead(clean, look), clean };
    };
    return beside.reads.take(path, stamp, { kind, read });
  }

  #gone(path: string): undefined {
    this.forget(path);
    return undefined;
  }
}

/** What proves that a file is as it was read. @param look of before it was opened */
function stampOfRead({ stats }: CleanFile, look: Stamp): Stamp {
  return stats === undefined ? look : stampOf(stats, look.takenAt);
}

/** A file of which only the size is told. */
function unreadFile({ mode, size }: FileLook): CleanFile {
  const content = (): never => {
    throw new TypeError("the content of a file that is too large was asked for");
  };
  const oid = unreadOid(size);
  return { mode: gitFileMode(mode), oid, content, size, contentSize: size, converts: false, large: true };
}

/** Stands for the id of a file that was not read: no hash of anything, and another one for each size. */
function unreadOid(size: number): Oid {
  return `unread ${size}`;
}

/** A regular file's mode, as git keeps it. */
function gitFileMode(mode: number): number {
  return (mode & 0o100) === 0 ? 0o100644 : 0o100755;
}
