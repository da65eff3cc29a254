import { existsSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { TreewireError } from "../util/index.js";
import { type Discovery, discover } from "./discover.js";
import { absoluteFilePath, type BytePath, bytesOfText, textOfBytes } from "./io/byte-path.js";
import { readWhole } from "./io/files.js";

/** What {@link checkConfinement} judges. */
export interface Opened extends Discovery {
  /** The working tree that results, links resolved: not `top` where `core.worktree` says another place. */
  root: string;
  /** Whether `core.worktree` is what says so. */
  isConfigured: boolean;
  /** HEAD and each ref that it leads to, one after the other: absolute byte paths of the loose files. */
  refFiles: readonly string[];
}

/** Where the directories really are, as text. */
type Real = Pick<Opened, "top" | "root" | "gitDir" | "commonDir">;

/** A back-pointer is one path. Bytes. */
const MAX_POINTER_BYTES = 65_536;

/**
 * Refuses a repository that shows what is not in the allowed directories: neither the files of its working tree may be
 * elsewhere, nor the objects, refs and index that a `.git` file, a link or a `commondir` file takes from elsewhere. The
 * rule: docs/install.md, "What a relay may ask for". It is judged anew each time that a repository is opened: what
 * was looked at before may have been replaced.
 *
 * @param subject what was to be opened, as it was named: nothing is said of where it leads
 * @param allowed absolute paths of directories, without links; what they name need not exist
 * @throws TreewireError `TW_PATH_REFUSED`
 */
export function checkConfinement(
  subject: string,
  opened: Opened,
  allowed: readonly string[],
  environment: NodeJS.ProcessEnv,
): void {
  // a directory whose name is no text stays as it is spelled when it is opened, by a link that may lead anywhere
  const { top, root, gitDir, commonDir } = opened;
  const real = {
    top: realPathOf(top),
    root: realPathOf(root),
    gitDir: realPathOf(gitDir),
    commonDir: realPathOf(commonDir),
  };
  if (!isTreeAllowed(real, allowed, environment) || !isGitDirAllowed(opened, real, allowed)) throw refusal(subject);
}

/** The error of what is not in the allowed directories. It is the same whether the path exists or not. */
export function refusal(subject: string): TreewireError {
  return new TreewireError("TW_PATH_REFUSED", subject);
}

/** Whether a path is a directory's, or of something below it. Both absolute, without links and `..`. */
export function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

/**
 * Where a path leads, or would lead: links are resolved, those to what is not there as well, and what does not exist is
 * kept as it is named. What may not be looked at counts as not there. Never throws. Bytes that are no UTF-8 become U+FFFD:
 * the path says where something is, and may not be one to open it by.
 *
 * @param path absolute; `..` in it counts before links do
 */
export function realPathOf(path: string, links = 0): string {
  const wanted = resolve(path);
  for (let at = wanted; ; at = dirname(at)) {
    try {
      return join(realpathSync(at), wanted.slice(at.length));
    } catch {
      const target = linkTarget(at);
      if (target !== undefined && links < MAX_LINKS)
        return realPathOf(join(target, wanted.slice(at.length)), links + 1);
      if (dirname(at) === at) return wanted;
    }
  }
}

/** @returns absolute; `undefined` when the path is no link, or may not be looked at */
function linkTarget(path: string): string | undefined {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return undefined;
  }
}

/** At or below an allowed directory, or found from one by searching upward. */
function isTreeAllowed({ root, top }: Real, allowed: readonly string[], environment: NodeJS.ProcessEnv): boolean {
  return allowed.some(
    (directory) =>
      isAtOrBelow(root, directory) ||
      (root === top && isAtOrBelow(directory, root) && topAbove(directory, environment) === root),
  );
}

function topAbove(directory: string, environment: NodeJS.ProcessEnv): string | undefined {
  let start = directory;
  while (!existsSync(start)) start = dirname(start);
  try {
    return realPathOf(discover(start, environment).top);
  } catch {
    return undefined; // no repository, or one that cannot be opened either
  }
}

/**
 * A git directory in the allowed directories, or in the tree itself, may be anybody's who writes there: it must not take
 * parts from elsewhere. One elsewhere is its owner's: it has to name this very tree, as those of linked working trees
 * and submodules do.
 */
function isGitDirAllowed(opened: Opened, real: Real, allowed: readonly string[]): boolean {
  const { top, root, gitDir, commonDir } = real;
  const isInside = (path: string, ...more: string[]) =>
    [...allowed, ...(root === top ? [root] : []), ...more].some((directory) => isAtOrBelow(path, directory));
  if (!isInside(gitDir)) return root === top && (opened.isConfigured || linkedTree(opened.gitDir) === top);
  const isLinkedTree = basename(dirname(gitDir)) === "worktrees" && dirname(dirname(gitDir)) === commonDir;
  if (!isInside(commonDir) && !isLinkedTree) return false;
  return partsOf(opened).every((path) => isInside(path, gitDir, commonDir));
}

/**
 * Where that leads which says which commits, files and names are shown. Alternates say only where to look for objects, and
 * are not here.
 */
function partsOf({ gitDir, commonDir, refFiles }: Opened): string[] {
  const index = join(gitDir, "index");
  const others = ["objects", "refs", "packed-refs", "reftable"].map((name) => join(commonDir, name));
  return [...[index, ...others].map((path) => realPathOf(path)), ...refFiles.map(realPathOfBytes)];
}

/** {@link realPathOf} for an absolute byte path. */
function realPathOfBytes(path: BytePath): string {
  const text = textOfBytes(path);
  if (bytesOfText(text) === path) return realPathOf(text);
  try {
    return realpathSync.native(absoluteFilePath(path)); // the other one of Node takes bytes for text
  } catch {
    return realPathOf(text); // it is not there
  }
}

/** The working tree that a git directory below `worktrees` says it is of: the directory of the `.git` file that it names. */
function linkedTree(gitDir: string): string | undefined {
  const text = readWhole(join(gitDir, "gitdir"))?.bytes.toString("utf8", 0, MAX_POINTER_BYTES).trimEnd();
  if (!text || basename(text) !== ".git") return undefined;
  return realPathOf(dirname(resolve(gitDir, text)));
}
