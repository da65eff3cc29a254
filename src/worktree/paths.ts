/**
 * Paths inside the worktree room are byte paths: relative to the root, `/` between names, one character per byte
 * (latin1), "" for the root itself. Only here do they become what the file system or a person reads.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
const ASCII = /^[\x00-\x7f]*$/;

/** Joins a directory's byte path and one name. */
export function joinPath(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** The directory that holds the path: "" for a name at the top. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The last name of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * What `fs` takes for a byte path under a root. ASCII stays a string, which is twice as fast as a `Buffer` to hand
 * over; other names go as bytes, because Node would encode them as UTF-8 a second time.
 *
 * @param root absolute path as Node's text
 */
export function nativePath(root: string, path: string): string | Buffer {
  if (path === "") return root;
  if (ASCII.test(path)) return `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, "latin1")]);
}

/** A byte path as people read it: UTF-8, with U+FFFD for what is not. */
export function pathText(path: string): string {
  return ASCII.test(path) ? path : Buffer.from(path, "latin1").toString("utf8");
}
