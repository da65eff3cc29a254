import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import { cachedDataVersionTag } from "node:v8";
import { Script } from "node:vm";

/** A program has done by then what it does at its start, and what it has not run yet would not be in the cache. Milliseconds. */
const SAVED_AFTER_MS = 5_000;

/** Longer names are not to be had everywhere. Characters. */
const MAX_NAME = 200;

/** Others could write what this user would run. */
const WRITABLE_BY_OTHERS = 0o022;

/** Those of CommonJS, and what stands for `import()`: Node.js has none for code that it was not asked to load itself. */
const PARAMETERS = "exports, require, module, __filename, __dirname, importModule";

/**
 * Runs a file of CommonJS as `require` would, but takes V8's code for it from a cache, where that is there: compiling a bundle of
 * 500 kB takes as long as half of Node.js' own start. What is not there is put there once the program has run. Files with
 * `.cjs` beside it that it requires are run the same way. Modules it has from `importModule(name)`.
 *
 * The cache is the user's: V8 runs what is in there. So nothing is taken that anybody else could have written, and nothing
 * that is not of this very file and this version of Node.js, or was damaged. Nothing that is wrong with the cache is an
 * error: the file is compiled then.
 *
 * @param path absolute
 * @param directory of the cache; `undefined`: there is none
 * @returns what the file exports. @throws what reading or running the file throws
 */
export function loadCached(path: string, directory = cacheDirectory(process.env)): unknown {
  const { source, key } = readSource(path);
  const file = directory === undefined ? undefined : fileOf(directory, path);
  const cachedData = file === undefined ? undefined : readCache(file, key);
  const script = new Script(`(function (${PARAMETERS}) {${source}\n})`, {
    filename: path,
    ...(cachedData !== undefined && { cachedData }),
  });
  const isCached = cachedData !== undefined && script.cachedDataRejected === false;
  if (file !== undefined && !isCached) {
    const flags = cachedDataVersionTag();
    saveLater(() => {
      // made under other flags of V8 than those of the start, it would be refused at the next one
      if (cachedDataVersionTag() === flags) writeCache(file, key, script.createCachedData());
    });
  }
  const module = { exports: {} };
  const directoryOf = dirname(path);
  const requirePackage = createRequire(path);
  const require = (name: string): unknown =>
    /^\.\/.*\.cjs$/.test(name) ? loadCached(join(directoryOf, name), directory) : requirePackage(name);
  const importModule = (name: string): Promise<unknown> =>
    import(name.startsWith(".") ? pathToFileURL(join(directoryOf, name)).href : name);
  script.runInThisContext().call(module.exports, module.exports, require, module, path, directoryOf, importModule);
  return module.exports;
}

/**
 * Where the user's cache is: that of the service, as systemd has it, else as other programs have theirs.
 *
 * @returns `undefined` where there is none to be had, and where Node.js is told to do without
 */
export function cacheDirectory(environment: NodeJS.ProcessEnv): string | undefined {
  // what counts how often which code runs needs it compiled by this process
  if (environment.NODE_DISABLE_COMPILE_CACHE || environment.NODE_V8_COVERAGE) return undefined;
  const [own] = environment.CACHE_DIRECTORY?.split(":") ?? [];
  if (own) return isOwn(own) ? own : undefined;
  const { XDG_CACHE_HOME, HOME } = environment;
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return ownBelow(XDG_CACHE_HOME, "treewire");
  return HOME && isAbsolute(HOME) ? ownBelow(HOME, ".cache/treewire") : undefined;
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

/** Reads a file with what tells it from any other one that may come to stand there. */
function readSource(path: string): { source: string; key: string } {
  const descriptor = openSync(path, "r");
  try {
    const { ino, size, mtimeMs, ctimeMs } = fstatSync(descriptor);
    const key = [process.version, process.arch, ino, size, mtimeMs, ctimeMs].join(" ");
    return { source: readFileSync(descriptor, "utf8"), key };
  } finally {
    closeSync(descriptor);
  }
}

function fileOf(directory: string, path: string): string | undefined {
  const name = path.replaceAll("/", "%");
  return name.length > MAX_NAME ? undefined : join(directory, name);
}

/** @returns `undefined` where there is nothing of that file, or nothing that may be run */
function readCache(file: string, key: string): Buffer | undefined {
  let bytes: Buffer;
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile() || !isUsers(stats)) return undefined;
      bytes = readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined; // nearly always: it is not there
  }
  const start = bytes.indexOf(0x0a) + 1;
  if (bytes.toString("latin1", 0, start) !== `${key}\n`) return undefined;
  const half = start + (bytes.length - start) / 2;
  // V8 itself does not look whether it was damaged, and ends the process when it meets that
  const [one, other] = [bytes.subarray(start, half), bytes.subarray(half)];
  return one.equals(other) ? one : undefined;
}

/** Writes the code behind its key, twice: that is compared in no time, where a sum would take as long as is saved. */
function writeCache(file: string, key: string, code: Buffer): void {
  const written = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(written, Buffer.concat([Buffer.from(`${key}\n`), code, code]), { mode: 0o600, flag: "wx" });
    renameSync(written, file);
  } catch {
    discard(written); // no room, or not allowed: the next run compiles as this one did
  }
}

function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // where it could not be made, it cannot be looked for either
  }
}

/** Once a program has run for a while, or ends before. */
function saveLater(save: () => void): void {
  const timer = setTimeout(end, SAVED_AFTER_MS).unref();
  function end(): void {
    clearTimeout(timer);
    process.off("exit", end);
    save();
  }
  process.once("exit", end);
}
