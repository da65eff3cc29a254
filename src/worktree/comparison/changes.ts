import type { TreeEntry } from "../../git/index.js";
import type { ChangedPath } from "../../history/index.js";
import { GITLINK } from "../file-mode.js";
import type { Change } from "../patches/changes.js";

/**
 * The entries of another commit's tree where it differs from the index, as `ChangeList` takes HEAD's.
 *
 * @param head where HEAD differs from the index: path → HEAD's entry
 * @param between where the commit, on the left, differs from HEAD
 */
export function leftDifferences(
  head: ReadonlyMap<string, TreeEntry | undefined>,
  between: readonly ChangedPath[],
): ReadonlyMap<string, TreeEntry | undefined> {
  const differences = new Map(head);
  for (const { path, left } of between) differences.set(path, left);
  return differences;
}

/**
 * Lists what `git diff` compares of two trees.
 *
 * @param between what differs between them, ascending by path
 * @param ignoresSubmodule whether nothing of the submodule at a path counts, not even another commit
 */
export function treeChanges(between: readonly ChangedPath[], ignoresSubmodule: (path: string) => boolean): Change[] {
  const changes: Change[] = [];
  for (const changed of between) {
    const { path, left, right } = changed;
    const isSubmodule = (left ?? right)?.mode === GITLINK && (right ?? left)?.mode === GITLINK;
    if (isSubmodule && ignoresSubmodule(path)) continue;
    changes.push(changeOf(changed));
  }
  return changes;
}

/** The same path has the same change. */
const changes = new WeakMap<ChangedPath, Change>();

function changeOf(changed: ChangedPath): Change {
  let change = changes.get(changed);
  if (change === undefined) {
    const { path, left, right } = changed;
    change = {
      path,
      before: left && { ...left, source: "object" },
      after: right && { ...right, source: "object" },
    };
    changes.set(changed, change);
  }
  return change;
}
