import { closeSync, fstatSync, openSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { cachedDataVersionTag } from "node:v8";
import { Script } from "node:vm";
import { readToEnd } from "../regular-file.js";
import { cacheDirectory, readCache, writeCache } from "../user-cache.js";
import { PassingBytes } from "./passing-bytes.js";

/** A program has done by then what it does at its start, and what it has not run yet would not be in the cache. Milliseconds. */
const SAVED_AFTER_MS = 5_000;

/** Longer names are not to be had everywhere. Characters. */
const MAX_NAME = 200;

/** Those of CommonJS, and what stands for `import()`: Node.js has none for code that it was not asked to load itself. */
const HEAD = "(function (exports, require, module, __filename, __dirname, importModule) {";
const FOOT = "\n})";

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
export function loadCached(path: string, directory = codeDirectory(process.env)): unknown {
  const passing = new PassingBytes();
  const { source, key } = readSource(path, passing);
  const file = directory === undefined ? undefined : fileOf(directory, path);
  const cachedData = file === undefined ? undefined : readCode(file, key, passing);
  const script = new Script(source, { filename: path, ...(cachedData !== undefined && { cachedData }) });
  passing.free();
  const isCached = cachedData !== undefined && script.cachedDataRejected === false;
  if (file !== undefined && !isCached) {
    const flags = cachedDataVersionTag();
    saveLater(() => {
      // made under other flags of V8 than those of the start, it would be refused at the next one
      if (cachedDataVersionTag() === flags) writeCode(file, key, script.createCachedData());
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

/** Where compiled code is kept. @returns `undefined` where there is no cache, and where Node.js is told to do without */
export function codeDirectory(environment: NodeJS.ProcessEnv): string | undefined {
  // what counts how often which code runs needs it compiled by this process
  if (environment.NODE_DISABLE_COMPILE_CACHE || environment.NODE_V8_COVERAGE) return undefined;
  return cacheDirectory(environment);
}

/**
 * Reads a file with what tells it from any other one that may come to stand there.
 *
 * @returns its text as one function: of text that is put together later, V8 would hold the parts as well
 */
function readSource(path: string, passing: PassingBytes): { source: string; key: string } {
  const descriptor = openSync(path, "r");
  try {
    const { ino, size, mtimeMs, ctimeMs } = fstatSync(descriptor);
    const key = [process.version, process.arch, ino, size, mtimeMs, ctimeMs].join(" ");
    const bytes = passing.allocate(HEAD.length + size + FOOT.length);
    const end = bytes.write(HEAD) + readToEnd(descriptor, bytes.subarray(HEAD.length, HEAD.length + size)).length;
    return { source: bytes.toString("utf8", 0, end + bytes.write(FOOT, end)), key };
  } finally {
    closeSync(descriptor);
  }
}

function fileOf(directory: string, path: string): string | undefined {
  const name = path.replaceAll("/", "%");
  return name.length > MAX_NAME ? undefined : join(directory, name);
}

/** @returns `undefined` where there is nothing of that file, or nothing that may be run */
function readCode(file: string, key: string, passing: PassingBytes): Buffer | undefined {
  const bytes = readCache(file, (size) => passing.allocate(size));
  if (bytes === undefined) return undefined;
  const start = bytes.indexOf(0x0a) + 1;
  if (bytes.toString("latin1", 0, start) !== `${key}\n`) return undefined;
  const half = start + (bytes.length - start) / 2;
  // V8 itself does not look whether it was damaged, and ends the process when it meets that
  const [one, other] = [bytes.subarray(start, half), bytes.subarray(half)];
  return one.equals(other) ? one : undefined;
}

/** Writes the code behind its key, twice: that is compared in no time, where a sum would take as long as is saved. */
function writeCode(file: string, key: string, code: Buffer): void {
  writeCache(file, [Buffer.from(`${key}\n`), code, code]);
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
