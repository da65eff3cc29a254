import type { Oid } from "./object-id.js";
export interface GitObject {
  type: ObjectType;
  content: Buffer;
}

export type ObjectType = "commit" | "tree" | "blob" | "tag";

export const MODE_TYPE = 0o170000;

export const MODE_TREE = 0o040000;

export const MODE_FILE = 0o100000;

export const MODE_LINK = 0o120000;

export const MODE_SUBMODULE = 0o160000;

/** One entry of a tree, flattened. */
export interface TreeEntry {
  mode: number;
  oid: Oid;
}
