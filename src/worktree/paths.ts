// What is done with byte paths: relative to the root, `/` between names, one character per byte, "" for the root itself. What
// turns them into what the file system or a person reads is `src/git/io/byte-path.ts` alone.

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
