import type { Oid, SubmoduleIgnore } from "../../git/index.js";

/** What a submodule has checked out. */
export interface SubmoduleState {
  /** `undefined`: nothing is committed on its branch, and git takes the commit for the one that it should be. */
  readonly head: Oid | undefined;
  /** Tracked files in it differ from its HEAD: git appends `-dirty`. */
  readonly dirty: boolean;
}

/** Where a diff learns the state of the submodules of its tree; each is a working tree of its own. */
export interface Submodules {
  /** `undefined` when nothing is checked out at the path, which git takes for unchanged. @param path byte path */
  state(path: string): Promise<SubmoduleState | undefined>;
}

/** How a working tree differs from its HEAD, as git asks it of submodules. */
export interface Modifications {
  /** HEAD, index and tracked files are not all the same, even where a file took back what was staged. */
  readonly tracked: boolean;
  readonly untracked: boolean;
}

/** Whether git appends `-dirty`. @param ignore what of the submodule does not count */
export function isDirty({ tracked, untracked }: Modifications, ignore: SubmoduleIgnore): boolean {
  if (ignore === "none") return tracked || untracked;
  return ignore === "untracked" && tracked;
}
