import type { Oid } from "./object-id.js";

/** What an object is. */
export type ObjectType = "commit" | "tree" | "blob" | "tag";

/** An object as it is stored, without its header. */
export interface GitObject {
  type: ObjectType;
  content: Buffer;
}

/** One entry of a tree, flattened: of a path, not of a name in one tree object. */
export interface TreeEntry {
  /** One of git's modes: the bits of {@link MODE_TYPE}, and of a file its permissions, 0o644 or 0o755. */
  mode: number;
  oid: Oid;
}

/** The bits of a mode that say what it is, in trees, in the index and in `Stats`. */
export const MODE_TYPE = 0o170000;

/** {@link MODE_TYPE} of a directory; in a sparse index, of a whole directory's entry. */
export const MODE_TREE = 0o040000;

/** {@link MODE_TYPE} of a regular file. */
export const MODE_FILE = 0o100000;

/** {@link MODE_TYPE} of a symbolic link. */
export const MODE_LINK = 0o120000;

/** {@link MODE_TYPE} of a submodule (a "gitlink"). */
export const MODE_SUBMODULE = 0o160000;
