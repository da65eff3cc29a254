import { type BigIntStats, closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { isAbsent, readToEnd, systemCode, TreewireError } from "../../util/index.js";

/** Files below `.git` that are read whole are never believed beyond this, in bytes: an index of 20 million entries. */
const WHOLE_FILE_MAX_BYTES = 2 ** 31 - 1;
/** Ignore, attributes and configuration files beyond this are not read, as in newer git: they are text, and parsed whole. */
const RULES_MAX_BYTES = 100 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;

/** What identifies one version of a file: every replacement or rewrite changes at least one of these. */
export interface FileVersion {
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly size: bigint;
}

export interface ReadFile {
  bytes: Buffer;
  version: FileVersion;
}

/** An absolute path, as text or as the bytes that are no UTF-8. */
export type FilePath = string | Buffer;

/** Joins a directory and a name, which is ASCII, or text like the directory. */
export function below(directory: FilePath, name: string): FilePath {
  return typeof directory === "string" ? `${directory}/${name}` : Buffer.concat([directory, Buffer.from(`/${name}`)]);
}

/** Whether two versions are the same file with the same times and size. */
export function sameVersion(a: FileVersion | undefined, b: FileVersion | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.ino === b.ino && a.size === b.size;
}

/**
 * Reads a whole file through one descriptor, so that a file which is replaced meanwhile (as git does, by renaming a
 * lock file over it) is read as it was or as it is, never as a mixture.
 *
 * @param path absolute, as text or bytes
 * @param follow whether a symbolic link is followed; a link counts as absent otherwise
 * @param shared whether the bytes are to be in memory that other threads can be given
 * @returns `undefined` when there is no such file (or a directory is in its place)
 * @throws TreewireError `TW_PATH_UNREADABLE` for permissions and input/output errors, `TW_CORRUPT_REPOSITORY` for a
 *   file that is larger than 2 GiB
 */
export function readWhole(path: FilePath, follow = true, shared = false): ReadFile | undefined {
  return withFile(path, follow, (descriptor, stats) => {
    if (stats.size > WHOLE_FILE_MAX_BYTES) throw corrupt(path.toString(), "larger than 2 GiB");
    const size = Number(stats.size);
    const bytes = shared ? Buffer.from(new SharedArrayBuffer(size)) : Buffer.allocUnsafeSlow(size);
    return { bytes: readToEnd(descriptor, bytes), version: stats };
  });
}

/**
 * {@link readWhole} for configuration, whose bytes become text.
 * @throws TreewireError `TW_PATH_UNREADABLE`, `TW_BAD_GIT_CONFIG` for a file that is larger than 100 MiB
 */
export function readConfigFile(path: string): Buffer | undefined {
  const read = (descriptor: number, stats: BigIntStats): Buffer => {
    if (stats.size > RULES_MAX_BYTES) throw badConfig(path, "larger than 100 MiB");
    return readToEnd(descriptor, Buffer.allocUnsafeSlow(Number(stats.size)));
  };
  return withFile(path, true, read, (thrown) => isAbsent(thrown) && !isRefusedConfig(thrown));
}

/** Git ends with an error where links to configuration go round in a circle, or its name is longer than the system takes. */
function isRefusedConfig(thrown: unknown): boolean {
  return ["ELOOP", "ENAMETOOLONG"].includes(systemCode(thrown) ?? "");
}

/**
 * Whether a file has this very content, found out without having it in memory.
 * @returns its version then; `undefined` when it has other content, or there is no such file
 * @throws TreewireError `TW_PATH_UNREADABLE`
 */
export function versionWithContent(path: FilePath, content: Buffer): FileVersion | undefined {
  return withFile(path, true, (descriptor, stats) => {
    if (stats.size !== BigInt(content.length)) return undefined;
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    for (let at = 0; at < content.length; ) {
      const got = readSync(descriptor, piece, 0, Math.min(PIECE_BYTES, content.length - at), at);
      if (got === 0 || piece.compare(content, at, at + got, 0, got) !== 0) return undefined;
      at += got;
    }
    return stats;
  });
}

function withFile<T>(
  path: FilePath,
  follow: boolean,
  use: (descriptor: number, stats: BigIntStats) => T,
  saysAbsent: (thrown: unknown) => boolean = isAbsent,
): T | undefined {
  // O_NONBLOCK: a FIFO in the file's place must not stop the program.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW);
  let descriptor: number;
  try {
    descriptor = openSync(path, flags);
  } catch (thrown) {
    if (saysAbsent(thrown)) return undefined;
    throw unreadable(path, thrown);
  }
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    return stats.isFile() ? use(descriptor, stats) : undefined;
  } catch (thrown) {
    if (thrown instanceof TreewireError) throw thrown;
    throw unreadable(path, thrown);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * {@link readWhole} for files that git takes for absent when it may not read them: ignore and attributes files, and the
 * user's configuration; over 100 MiB they count as absent, too (git says "ignoring excessively large pattern file").
 * One that is part of the working tree is reported where it is compared.
 */
export function readIfAllowed(path: FilePath, follow = true): ReadFile | undefined {
  try {
    return withFile(path, follow, (descriptor, stats) => {
      const isRead = stats.size <= RULES_MAX_BYTES;
      return isRead
        ? { bytes: readToEnd(descriptor, Buffer.allocUnsafeSlow(Number(stats.size))), version: stats }
        : undefined;
    });
  } catch (thrown) {
    const code = systemCode(thrown instanceof TreewireError ? thrown.cause : thrown);
    if (code === "EACCES" || code === "EPERM") return undefined;
    throw thrown;
  }
}

/** What is in a directory; nothing when it is not there. @throws TreewireError `TW_PATH_UNREADABLE` */
export function listNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (thrown) {
    if (isAbsent(thrown)) return [];
    throw unreadable(directory, thrown);
  }
}

/** @param subject the damaged file or object @param detail what is wrong with it */
export function corrupt(subject: string, detail: string, cause?: unknown): TreewireError {
  return new TreewireError("TW_CORRUPT_REPOSITORY", subject, { detail, cause });
}

/** @param subject the file or variable that holds the configuration @param detail what is wrong with it */
export function badConfig(subject: string, detail: string, cause?: unknown): TreewireError {
  return new TreewireError("TW_BAD_GIT_CONFIG", subject, { detail, cause });
}

/** @param thrown the system error, whose code becomes the detail */
export function unreadable(path: FilePath, thrown: unknown): TreewireError {
  return new TreewireError("TW_PATH_UNREADABLE", path.toString(), {
    detail: systemCode(thrown) ?? "unknown error",
    cause: thrown,
  });
}
