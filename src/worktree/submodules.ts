import type { Oid } from "../git/types.js";
import type { TreeFile } from "./types.js";

/** What a submodule has checked out. */
export interface SubmoduleState {
  readonly head: Oid;
  /** Tracked files in it differ from its HEAD: git appends `-dirty`. */
  readonly dirty: boolean;
}

/** Where the model learns the state of the submodules of its tree; each is a working tree of its own. */
export interface Submodules {
  /** `undefined` when nothing is checked out at the path, which git takes for unchanged. @param path byte path */
  state(path: string): Promise<SubmoduleState | undefined>;
}

/** Whether a tree's files make it dirty as a submodule: untracked files do not count (`diff.ignoreSubmodules`' default). */
export function isDirty(files: readonly TreeFile[]): boolean {
  return files.some((file) => file.key.startsWith("t:"));
}
