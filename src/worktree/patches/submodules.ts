import type { Oid, SubmoduleIgnore } from "../../git/index.js";

/** What a submodule has checked out. */
export interface SubmoduleState {
  /** `undefined`: nothing is committed on its branch, and git takes the commit for the one that it should be. */
  readonly head: Oid | undefined;
  /** Tracked files in it differ from its HEAD: git appends `-dirty`. */
  readonly dirty: boolean;
  /** It is not known whether they do, as this filter was not run on one of them. */
  readonly filterNotRun?: string | undefined;
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
  /** It is not known whether tracked files are the same, as this filter was not run on one of them. */
  readonly filterNotRun?: string;
}

/** The state of a submodule. @param ignore what of it does not count */
export function submoduleState(
  head: Oid | undefined,
  { tracked, untracked, filterNotRun }: Modifications,
  ignore: SubmoduleIgnore,
): SubmoduleState {
  const countsTracked = ignore === "none" || ignore === "untracked";
  const dirty = (countsTracked && tracked) || (ignore === "none" && untracked);
  return { head, dirty, filterNotRun: countsTracked && !dirty ? filterNotRun : undefined };
}
