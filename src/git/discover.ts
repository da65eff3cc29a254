import { lstatSync, type Stats, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { isAbsent, TreewireError } from "../util/index.js";
import { pathFrom } from "./io/byte-path.js";
import { below, corrupt, type FilePath, readWhole, unreadable } from "./io/files.js";
import { directoryAbove, realPath } from "./io/real-path.js";

/** Where a repository stands. */
export interface Discovery {
  /** The directory that holds `.git`, links resolved. */
  top: string;
  gitDir: string;
  commonDir: string;
}

/** Text files that name a directory are at most this long, in bytes. */
const MAX_POINTER_BYTES = 65_536;

/**
 * Finds the repository that a file or directory is in, looking upwards as git does.
 * Rules: <https://git-scm.com/docs/gitrepository-layout>.
 *
 * @param path any existing file or directory
 * @param environment `GIT_CEILING_DIRECTORIES` says where the search ends; nothing else of it counts
 * @throws TreewireError `TW_PATH_NOT_FOUND`, `TW_PATH_UNREADABLE`, `TW_NOT_A_REPOSITORY`, `TW_BARE_REPOSITORY`,
 *   `TW_CORRUPT_REPOSITORY`
 */
export function discover(path: string, environment: NodeJS.ProcessEnv): Discovery {
  const start = startDirectory(path);
  const ceiling = lowestCeiling(start, environment.GIT_CEILING_DIRECTORIES);
  let damaged: string | undefined;
  for (let directory = start; ; directory = directoryAbove(directory)) {
    const gitDir = resolveGitDir(directory);
    if (gitDir !== undefined) {
      const common = commonDirOf(gitDir);
      if (common !== undefined) return { top: directory, gitDir, commonDir: common };
      damaged ??= join(directory, ".git");
    }
    if (commonDirOf(directory) !== undefined) throw new TreewireError("TW_BARE_REPOSITORY", directory);
    const above = directoryAbove(directory);
    if (above === directory || above === ceiling) break;
  }
  if (damaged !== undefined) throw corrupt(damaged, "no usable HEAD, objects or refs in it");
  throw new TreewireError("TW_NOT_A_REPOSITORY", path);
}

/**
 * @param gitDir absolute
 * @returns the common directory when this is a git directory: HEAD, `objects` and `refs` are there
 */
export function commonDirOf<P extends FilePath>(gitDir: P): P | string | undefined {
  if (!hasHead(gitDir)) return undefined;
  const pointer = readWhole(below(gitDir, "commondir"))?.bytes.toString("utf8", 0, MAX_POINTER_BYTES).trimEnd();
  const commonDir =
    pointer === undefined || pointer === "" ? gitDir : tryRealpath(pathFrom(gitDir.toString(), pointer));
  if (commonDir === undefined) return undefined;
  return isDirectory(below(commonDir, "objects")) && isDirectory(below(commonDir, "refs")) ? commonDir : undefined;
}

/**
 * What the `.git` entry of a directory stands for: itself when it is a directory, else what its `gitdir:` line names.
 * @returns absolute path, links resolved; `undefined` when there is no such entry
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` for a file that does not name an existing directory
 */
export function resolveGitDir(directory: FilePath): string | undefined {
  const dotGit = below(directory, ".git");
  let stats: Stats;
  try {
    stats = statSync(dotGit);
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw unreadable(dotGit, thrown);
  }
  if (stats.isDirectory()) return realPath(dotGit.toString());
  if (!stats.isFile()) return undefined;
  const text = readWhole(dotGit)?.bytes.toString("utf8", 0, MAX_POINTER_BYTES) ?? "";
  const target = /^gitdir: (.*?)[\r\n]*$/s.exec(text)?.[1];
  if (target === undefined || target === "") throw corrupt(dotGit.toString(), "no `gitdir:` line in it");
  const gitDir = tryRealpath(pathFrom(directory.toString(), target));
  if (gitDir === undefined) throw corrupt(dotGit.toString(), `it names ${target}, which does not exist`);
  return gitDir;
}

/** Whether a directory is the working tree of a repository, by the test that git makes for untracked directories. */
export function holdsRepository(directory: FilePath): boolean {
  const dotGit = below(directory, ".git");
  try {
    if (commonDirOf(dotGit) !== undefined) return true;
    const gitDir = isDirectory(dotGit) ? undefined : resolveGitDir(directory);
    return gitDir !== undefined && commonDirOf(gitDir) !== undefined;
  } catch (thrown) {
    // A `gitdir:` line that leads nowhere makes no repository; a directory that may not be read could be one.
    return thrown instanceof TreewireError && thrown.code === "TW_PATH_UNREADABLE";
  }
}

/**
 * The ceiling that is met first on the way up: it is not searched, unless the search starts there.
 * @param list absolute paths with `:` between; behind an empty one, links in the others are not resolved
 */
function lowestCeiling(start: string, list = ""): string | undefined {
  let resolves = true;
  let lowest: string | undefined;
  for (const path of list.split(":")) {
    if (path === "") resolves = false;
    if (!isAbsolute(path)) continue;
    const ceiling = resolves ? tryRealpath(path) : resolve(path);
    const isAbove = ceiling === "/" ? start !== "/" : ceiling !== undefined && start.startsWith(`${ceiling}/`);
    if (isAbove && (ceiling?.length ?? 0) > (lowest?.length ?? 0)) lowest = ceiling;
  }
  return lowest;
}

function startDirectory(path: string): string {
  let real: string;
  try {
    real = realPath(resolvedPath(path));
    return statSync(real).isDirectory() ? readable(real) : dirname(real);
  } catch (thrown) {
    if (thrown instanceof TreewireError) throw thrown;
    if (isAbsent(thrown)) {
      throw new TreewireError("TW_PATH_NOT_FOUND", path, { cause: thrown });
    }
    throw unreadable(path, thrown);
  }
}

/** A working directory whose name is not UTF-8 is reached by the name that the system gives it, where it has one. */
function resolvedPath(path: string): string {
  const resolved = resolve(path);
  const isLost = resolved !== path && resolved.includes("\ufffd") && !isAbsolute(path);
  return isLost && !/(^|\/)\.\.(\/|$)/.test(path) ? join("/proc/self/cwd", path) : resolved;
}

/** A directory that may not be entered hides what is in it, its `.git` too. */
function readable(directory: string): string {
  lstatSync(join(directory, "."));
  return directory;
}

/** HEAD is a symbolic link into `refs`, or holds a symbolic ref or an object id. */
function hasHead(gitDir: FilePath): boolean {
  const path = below(gitDir, "HEAD");
  try {
    if (lstatSync(path).isSymbolicLink()) return true;
  } catch (thrown) {
    if (isAbsent(thrown)) return false;
    throw unreadable(path, thrown);
  }
  const text = readWhole(path)?.bytes.toString("latin1", 0, 256) ?? "";
  return /^ref:\s*refs\//.test(text) || /^[0-9a-f]{40}/.test(text);
}

function isDirectory(path: FilePath): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (thrown) {
    if (isAbsent(thrown)) return false;
    throw unreadable(path, thrown);
  }
}

function tryRealpath(path: string): string | undefined {
  try {
    return realPath(path);
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw unreadable(path, thrown);
  }
}
