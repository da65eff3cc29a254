import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { readToEnd } from "./regular-file.js";

/** Others could write what this user would believe, or run. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Where the user's cache is: that of the service, as systemd has it, else as other programs have theirs.
 *
 * @returns `undefined` where there is none to be had
 */
export function cacheDirectory(environment: NodeJS.ProcessEnv): string | undefined {
  const [own] = environment.CACHE_DIRECTORY?.split(":") ?? [];
  if (own) return isOwn(own) ? own : undefined;
  const { XDG_CACHE_HOME, HOME } = environment;
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return ownBelow(XDG_CACHE_HOME, "treewire");
  return HOME && isAbsolute(HOME) ? ownBelow(HOME, ".cache/treewire") : undefined;
}

/**
 * A file of the cache, whole. What anybody else could have written is not taken.
 *
 * @param allocate gives the bytes that are read into
 * @returns `undefined` where there is none: that is never an error, and nor is anything that is wrong with it
 */
export function readCache(
  file: string,
  allocate: (length: number) => Buffer = Buffer.allocUnsafeSlow,
): Buffer | undefined {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(descriptor);
      return stats.isFile() && isUsers(stats) ? readToEnd(descriptor, allocate(stats.size)) : undefined;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined; // nearly always: it is not there
  }
}

/**
 * Puts a file into the cache, in the place of an earlier one. Where that can't be done, nothing has happened.
 *
 * @param pieces what is in it, one after the other
 */
export function writeCache(file: string, pieces: readonly Uint8Array[]): void {
  const written = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const descriptor = openSync(written, "wx", 0o600);
    try {
      for (const piece of pieces) writeFileSync(descriptor, piece);
    } finally {
      closeSync(descriptor);
    }
    renameSync(written, file);
  } catch {
    discard(written); // no room, or not allowed: the next run does what this one did
  }
}

/** A program that runs as another user than who calls it, as by `sudo`, leaves the caller's home alone. */
function ownBelow(directory: string, name: string): string | undefined {
  return isOwn(directory) ? join(directory, name) : undefined;
}

function isOwn(directory: string): boolean {
  try {
    const stats = statSync(directory, { throwIfNoEntry: false });
    return stats !== undefined && isUsers(stats);
  } catch {
    return false; // it is behind what this user may not enter, or behind what is no directory
  }
}

function isUsers({ uid, mode }: Stats): boolean {
  return uid === process.geteuid?.() && (mode & WRITABLE_BY_OTHERS) === 0;
}

function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // where it could not be made, it cannot be looked for either
  }
}
