import { lstatSync, type Stats } from "node:fs";
import { isAbsent, systemCode } from "../../util/index.js";

/** What counts of a file's `lstat`. */
export type FileStats = Pick<
  Stats,
  | "mode"
  | "size"
  | "ino"
  | "nlink"
  | "uid"
  | "gid"
  | "mtimeMs"
  | "ctimeMs"
  | "isDirectory"
  | "isFile"
  | "isSymbolicLink"
>;

/** There may be a file, but this process may not know. */
export const DENIED = Symbol("denied");

/**
 * What is at a path, links not followed.
 * @returns `undefined` when nothing is
 * @throws a system error other than that nothing is there or that it is forbidden to look
 */
export function lookAt(path: string | Buffer): Stats | undefined | typeof DENIED {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isAbsent(error)) return undefined;
    const code = systemCode(error) ?? "";
    if (code === "EACCES" || code === "EPERM") return DENIED;
    throw error;
  }
}
