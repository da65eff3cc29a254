/**
 * A path relative to the working tree's root, `/` between names, **one character per byte** (latin1), so that names
 * that are not UTF-8 survive, comparisons are git's byte order, and strings stay one byte wide in memory.
 */
export type BytePath = string;

/** ASCII only: then text, bytes and one-character-per-byte are the same. */
const ASCII = /^[\0-\x7f]*$/;

/**
 * The path to hand to the file system for a path of the tree.
 * @param root absolute directory, as text (UTF-8 on disk)
 * @param path one character per byte; "" for the directory itself
 * @returns a string where that is exact, which is twice as fast for Node to hand over as bytes; else the bytes, because Node
 *   would encode one character per byte as UTF-8 a second time
 */
export function fileSystemPath(root: string, path: BytePath): string | Buffer {
  if (path === "") return root;
  if (ASCII.test(path)) return `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, "latin1")]);
}

/** The same for an absolute path, of which every character is one byte. */
export function absoluteFilePath(path: BytePath): string | Buffer {
  return ASCII.test(path) ? path : Buffer.from(path, "latin1");
}

/**
 * Where a path leads that stands in a file and counts from a directory. It is not shortened: behind a link, `..` is the
 * directory above the one that the link leads to.
 *
 * @param directory absolute; text or one character per byte, as `path` is
 */
export function pathFrom(directory: string, path: string): string {
  return path.startsWith("/") ? path : `${directory}/${path}`;
}

/** UTF-8 text as one character per byte. */
export function bytesOfText(text: string): BytePath {
  return ASCII.test(text) ? text : Buffer.from(text).toString("latin1");
}

/** One character per byte, read as UTF-8; invalid bytes become U+FFFD. */
export function textOfBytes(path: BytePath): string {
  return ASCII.test(path) ? path : Buffer.from(path, "latin1").toString();
}
