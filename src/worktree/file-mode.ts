/** Modes as git's index and `lstat` have them: the kind of the file above, permissions below. */

/** The mode of a submodule's entry. */
export const GITLINK = 0o160000;

const KIND_MASK = 0o170000;
const DIRECTORY = 0o040000;
const REGULAR_FILE = 0o100000;
const SYMBOLIC_LINK = 0o120000;

/** Whether a mode is that of a directory on disk. */
export function isDirectoryMode(mode: number): boolean {
  return (mode & KIND_MASK) === DIRECTORY;
}

/** Whether a mode is that of a regular file, executable or not. */
export function isFileMode(mode: number): boolean {
  return (mode & KIND_MASK) === REGULAR_FILE;
}

/** Whether a mode is that of a symbolic link. */
export function isLinkMode(mode: number): boolean {
  return (mode & KIND_MASK) === SYMBOLIC_LINK;
}
