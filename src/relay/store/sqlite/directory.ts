import { chmodSync, existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import Database from "libsql";
import { makeDirectoriesSync, messageOf, systemCode, TreewireError } from "../../../util/index.js";

/** The one file name under the data directory that SQLite is given; its `-wal` and `-shm` lie beside it. */
export const DATABASE_FILE = "treewire.db";

/** Locked for as long as a relay serves the directory. */
const LOCK_FILE = "serve.lock";
/** Says who holds the lock. It proves nothing: a process id may be another process's by now. */
const PID_FILE = "serve.pid";

/** What a directory of a relay has, and what a new file system has by itself. */
const FAMILIAR = new Set([DATABASE_FILE, LOCK_FILE, PID_FILE, "lost+found"]);

/** A directory that this process serves, and no other relay meanwhile. */
export interface ServedDirectory {
  readonly path: string;
  /** Lets others have it. To be called once. */
  release(): void;
  /**
   * The same, and takes away what was made since {@link serveDirectory}, as far as it can: for a start that has failed.
   *
   * @param keepDatabase it has something in it
   */
  undo(keepDatabase: boolean): void;
}

/**
 * Takes a relay's directory for this process; makes it when it is missing, for its owner alone.
 *
 * @throws TreewireError `TW_DATA_DIR_IN_USE`, `TW_DATA_DIR`
 */
export function serveDirectory(dataDir: string): ServedDirectory {
  const path = resolve(dataDir);
  return orRefused(path, () => {
    const made = makeDirectoriesSync(path, 0o700);
    const hadLock = existsSync(join(path, LOCK_FILE));
    const lock = orUndone(made, () => lockDirectory(path));
    const hadDatabase = existsSync(join(path, DATABASE_FILE));
    const undo = (keepDatabase: boolean) => {
      const files = hadDatabase || keepDatabase ? [] : ["", "-wal", "-shm"].map((end) => DATABASE_FILE + end);
      if (!hadLock) files.push(LOCK_FILE);
      // before others can take the lock: they see then that it is another one
      for (const name of files) attempt(() => rmSync(join(path, name), { force: true }));
      lock.release();
      removeDirectories(made);
    };
    return { path, release: lock.release, undo };
  });
}

/** @param made directories, from above: they go if the job fails */
function orUndone<T>(made: readonly string[], job: () => T): T {
  try {
    return job();
  } catch (thrown) {
    removeDirectories(made);
    throw thrown;
  }
}

/** Removes those that are empty. @param made from above */
function removeDirectories(made: readonly string[]): void {
  for (const directory of made.toReversed()) attempt(() => rmdirSync(directory));
}

/** Does what is not worth an error: why the start has failed is what people are told. */
function attempt(job: () => void): void {
  try {
    job();
  } catch {
    // it stays
  }
}

/**
 * The directory of a relay, or one that is empty and may become one: a command that is told a wrong path makes nothing there.
 *
 * @throws TreewireError `TW_NO_RELAY_DATA` when it does not exist or holds something else, `TW_DATA_DIR` when it cannot be read
 */
export function existingDirectory(dataDir: string): string {
  const directory = resolve(dataDir);
  const names = orRefused(directory, () => {
    try {
      return readdirSync(directory);
    } catch (thrown) {
      if (systemCode(thrown) !== "ENOENT") throw thrown;
      throw new TreewireError("TW_NO_RELAY_DATA", directory, { detail: "it does not exist", cause: thrown });
    }
  });
  if (names.includes(DATABASE_FILE) || names.every((name) => FAMILIAR.has(name))) return directory;
  throw new TreewireError("TW_NO_RELAY_DATA", directory, { detail: "it holds something else" });
}

/**
 * Takes the directory for this process, until it is released or the process ends, however that comes:
 * the lock is SQLite's own on a file beside the database, and the kernel lets go of it.
 *
 * @param directory one that exists
 * @throws TreewireError `TW_DATA_DIR_IN_USE` with the process that has it, `TW_DATA_DIR`
 */
function lockDirectory(directory: string): { release(): void } {
  const path = join(directory, LOCK_FILE);
  const pidFile = join(directory, PID_FILE);
  return orRefused(directory, () => {
    const lock = new Database(path);
    try {
      const { ino } = statSync(path);
      lock.pragma("busy_timeout = 0");
      lock.pragma("journal_mode = MEMORY"); // nothing is ever written: no journal beside it
      lock.exec("begin exclusive");
      if (statSync(path).ino !== ino) throw new Error("another relay has begun and ended meanwhile");
      chmodSync(path, 0o600);
    } catch (thrown) {
      lock.close();
      if (systemCode(thrown) !== "SQLITE_BUSY") throw thrown;
      throw new TreewireError("TW_DATA_DIR_IN_USE", directory, { detail: holderOf(pidFile), cause: thrown });
    }
    try {
      writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    } catch {
      rmSync(pidFile, { force: true }); // the disk is full: the lock holds without a name on it
    }
    return {
      release: () => {
        rmSync(pidFile, { force: true });
        lock.exec("rollback"); // the connection itself may outlive its close until its statements are collected
        lock.close();
      },
    };
  });
}

function holderOf(pidFile: string): string {
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile, "utf8"));
  } catch {
    pid = Number.NaN;
  }
  return pid > 0 ? `process ${pid}` : "its process is not known";
}

function orRefused<T>(directory: string, job: () => T): T {
  try {
    return job();
  } catch (thrown) {
    if (thrown instanceof TreewireError) throw thrown;
    throw new TreewireError("TW_DATA_DIR", directory, { detail: messageOf(thrown), cause: thrown });
  }
}
