import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isAbsent } from "../util/index.js";
import { commonDirOf, resolveGitDir } from "./discover.js";
import { pathFrom } from "./io/byte-path.js";
import { listNames, readWhole } from "./io/files.js";

/**
 * The directories in which linked working trees of a repository were made, as `git worktree list` has them, those that
 * are not there any more left out.
 *
 * @param path a directory of a repository that has no working tree of its own: the bare repository, one in it, or one
 *   with a `.git` that leads to it
 * @returns absolute paths, not yet known to hold working trees; empty when no repository is found
 * @throws TreewireError `TW_PATH_UNREADABLE`, `TW_CORRUPT_REPOSITORY`
 */
export function linkedWorktrees(path: string): string[] {
  const commonDir = commonDirAbove(path);
  if (commonDir === undefined) return [];
  const admin = join(commonDir, "worktrees");
  return listNames(admin).flatMap((name) => {
    const pointer = readWhole(join(admin, name, "gitdir"))
      ?.bytes.toString()
      .trimEnd();
    if (pointer === undefined || pointer === "") return [];
    return dirname(pathFrom(join(admin, name), pointer));
  });
}

function commonDirAbove(path: string): string | undefined {
  let start: string;
  try {
    start = realpathSync(path);
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw thrown;
  }
  for (let directory = start; ; directory = dirname(directory)) {
    const found = commonDirOf(resolveGitDir(directory) ?? directory);
    if (found !== undefined || dirname(directory) === directory) return found;
  }
}
