import { statSync } from "node:fs";
import { dirname } from "node:path";
import { isAbsent } from "../../util/index.js";
import { type FileVersion, readWhole, sameVersion, unreadable, versionWithContent } from "../io/files.js";
import type { ObjectFormat } from "../objects/object-id.js";
import type { ObjectStore } from "../objects/object-store.js";
import { emptyIndex, type ParsedIndexFile, parseIndex } from "./index-file.js";
import type { StatRules } from "./types.js";

/**
 * A file system may give two versions that are written within one tick of its clock the same times, and even the same
 * inode. For so long after it was written, in milliseconds, a version is known by its bytes, not by its stat data.
 */
const TICK_MS = 50;

interface Current {
  index: ParsedIndexFile;
  /** `undefined`: there is no such file. */
  version: FileVersion | undefined;
  bytes: Buffer | undefined;
}

/** The index of one working tree, parsed anew only when the file has changed. */
export class IndexReader {
  readonly #path: string;
  readonly #format: ObjectFormat;
  readonly #rules: StatRules;
  readonly #objects: ObjectStore;
  /** Whether the bytes are compared whatever the stat data say. */
  #mustCompare = false;
  #current: Current | undefined;

  /** @param path absolute path of the `index` file */
  constructor(path: string, format: ObjectFormat, rules: StatRules, objects: ObjectStore) {
    this.#path = path;
    this.#format = format;
    this.#rules = rules;
    this.#objects = objects;
  }

  /** The same object while the file has not changed. @throws TreewireError `TW_CORRUPT_REPOSITORY` */
  read(): ParsedIndexFile {
    const current = this.#current;
    const version = this.#statVersion();
    const isSame = current !== undefined && sameVersion(current.version, version);
    if (isSame && !this.#mustCompare && isSettled(version)) return current.index;
    // Compares in pieces: an index that has not changed is not worth the memory of a second one.
    const same = current?.bytes && versionWithContent(this.#path, current.bytes);
    if (same !== undefined && current?.bytes !== undefined) {
      // The file's time decides what is racily clean: with another one the same bytes mean something else.
      const sameTime = current.version?.mtimeNs === same.mtimeNs;
      const index = sameTime ? current.index : this.#parse(current.bytes, same);
      this.#current = { ...current, index, version: same };
    } else {
      this.#current = this.#readAnew();
    }
    this.#mustCompare = false;
    return this.#current.index;
  }

  /** Bytes of the file; 0 when there is none. @throws TreewireError `TW_PATH_UNREADABLE` */
  size(): number {
    return Number(this.#statVersion()?.size ?? 0);
  }

  /** Reads again at the next question, whatever the stat data say. */
  forget(): void {
    this.#mustCompare = true;
  }

  #readAnew(): Current {
    // The first index is in shared memory, for the second thread that helps with the first scan. Later ones are not: the
    // garbage collector does not count shared memory, so that old indexes would stay for long.
    const file = readWhole(this.#path, true, this.#current === undefined);
    if (file !== undefined) return { index: this.#parse(file.bytes, file.version), ...file };
    const known = this.#current?.version === undefined ? this.#current?.index : undefined;
    return { index: known ?? emptyIndex(this.#format, this.#rules), version: undefined, bytes: undefined };
  }

  #parse(bytes: Buffer, version: FileVersion): ParsedIndexFile {
    const time = { ms: Number(version.mtimeNs) / 1e6 };
    return parseIndex(bytes, this.#path, {
      format: this.#format,
      time,
      rules: this.#rules,
      readShared: (checksum) => readWhole(`${dirname(this.#path)}/sharedindex.${checksum}`)?.bytes,
      objects: this.#objects,
    });
  }

  #statVersion(): FileVersion | undefined {
    try {
      return statSync(this.#path, { bigint: true });
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined;
      throw unreadable(this.#path, thrown);
    }
  }
}

/** Whether the version is so old that a later one must differ in its times. */
function isSettled(version: FileVersion | undefined): boolean {
  return version === undefined || Date.now() - Number(version.ctimeNs / 1_000_000n) > TICK_MS;
}
