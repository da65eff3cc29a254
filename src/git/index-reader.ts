import { statSync } from "node:fs";
import { dirname } from "node:path";
import { type FileVersion, isAbsent, readWhole, sameVersion, unreadable } from "./files.js";
import { emptyIndex, type ParsedIndexFile, parseIndex } from "./index-file.js";
import type { ObjectFormat } from "./object-id.js";
import type { ObjectStore } from "./object-store.js";
import type { StatRules } from "./stat-match.js";

/**
 * A file system may give two versions that are written within one tick of its clock the same times, and even the same
 * inode. So long after it was written, in milliseconds, a version is not told by its stat data but by its bytes.
 */
const TICK_MS = 50;

/** The index of one working tree, parsed anew only when the file has changed. */
export class IndexReader {
  readonly #path: string;
  readonly #format: ObjectFormat;
  readonly #rules: StatRules;
  readonly #objects: ObjectStore;
  #isDoubted = false;
  #current: { index: ParsedIndexFile; version: FileVersion | undefined; bytes: Buffer | undefined } | undefined;

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
    if (isSame && !this.#isDoubted && isSettled(version)) return current.index;
    const file = readWhole(this.#path);
    if (file === undefined) {
      const index = current?.version === undefined ? current?.index : undefined;
      this.#current = { index: index ?? emptyIndex(this.#format, this.#rules), version: undefined, bytes: undefined };
    } else if (current?.bytes?.equals(file.bytes)) {
      // A fresh index whose bytes are known; its time decides what is racily clean, so it has to be the same too.
      const sameTime = current.version?.mtimeNs === file.version.mtimeNs;
      this.#current = {
        ...current,
        index: sameTime ? current.index : this.#parse(file.bytes, file.version),
        version: file.version,
      };
    } else {
      this.#current = { index: this.#parse(file.bytes, file.version), version: file.version, bytes: file.bytes };
    }
    this.#isDoubted = false;
    return this.#current.index;
  }

  /** Reads again at the next question, whatever the stat data say. */
  forget(): void {
    this.#isDoubted = true;
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
