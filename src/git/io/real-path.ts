import { lstatSync, realpathSync, statSync } from "node:fs";
import { isAbsent } from "../../util/index.js";

/** What Node puts in place of bytes that are no UTF-8. */
const REPLACEMENT = "\ufffd";

/**
 * The path of a file or directory with its links resolved, by which it can be opened again. Where that is no text, as a
 * name on the way is not UTF-8, it stays as it is spelled.
 *
 * @param path absolute
 * @throws a system error when nothing is there
 */
export function realPath(path: string): string {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (thrown) {
    // Node follows links by their text, which leads nowhere where that is not what they say
    if (isAbsent(thrown) && statSync(path, { throwIfNoEntry: false }) !== undefined) return path;
    throw thrown;
  }
  return real.includes(REPLACEMENT) && !isSameFile(real, path) ? path : real;
}

/**
 * The directory above one that {@link realPath} gave; the same one when there is none, or none that can be named: the
 * directory above a link is not the one above what it leads to.
 */
export function directoryAbove(directory: string): string {
  const above = directory.slice(0, directory.lastIndexOf("/")) || "/";
  return lstatSync(directory).isSymbolicLink() ? directory : above;
}

function isSameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}
