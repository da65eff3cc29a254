import { type BytePath, type HistorySource, MODE_TREE, type Oid, type TreeEntry, type TreeItem } from "../git/index.js";

/** A path that two trees have differently. */
export interface ChangedPath {
  /** From the root of the tree, one character per byte. */
  path: BytePath;
  /** What is there in either tree; `undefined`: nothing. */
  left: TreeEntry | undefined;
  right: TreeEntry | undefined;
}

/**
 * The files, links and submodules that differ between two trees, in git's order of paths; renames are not looked for.
 * Directories of the same id are not read.
 *
 * Not by isomorphic-git's `walk`: its names are text, so that two names that are no UTF-8 become one; it refuses names
 * with a backslash, `.git` in other case and modes of old tools, and objects that are replaced.
 *
 * @param left, right ids of trees
 * @throws TreewireError `TW_CORRUPT_REPOSITORY`, `TW_NOT_FETCHED` when a tree is missing
 */
export function changedPaths(source: Pick<HistorySource, "tree">, left: Oid, right: Oid): ChangedPath[] {
  const changes: ChangedPath[] = [];
  compare(source, { left, right }, "", changes);
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Two trees, one of which may be missing. */
interface Sides<T> {
  left: T | undefined;
  right: T | undefined;
}

function compare(source: Pick<HistorySource, "tree">, trees: Sides<Oid>, prefix: BytePath, into: ChangedPath[]): void {
  if (trees.left === trees.right) return;
  const right = itemsOf(source, trees.right);
  for (const [name, item] of itemsOf(source, trees.left)) {
    compareItems(source, { left: item, right: right.get(name) }, prefix + name, into);
    right.delete(name);
  }
  for (const [name, item] of right) compareItems(source, { left: undefined, right: item }, prefix + name, into);
}

function compareItems(
  source: Pick<HistorySource, "tree">,
  { left, right }: Sides<TreeItem>,
  path: BytePath,
  into: ChangedPath[],
): void {
  if (left?.oid === right?.oid && left?.mode === right?.mode) return;
  const files = { left: fileOf(left), right: fileOf(right) };
  const isChanged = files.left?.oid !== files.right?.oid || files.left?.mode !== files.right?.mode;
  if (isChanged) into.push({ path, ...files });
  compare(source, { left: treeOf(left), right: treeOf(right) }, `${path}/`, into);
}

function itemsOf(source: Pick<HistorySource, "tree">, tree: Oid | undefined): Map<BytePath, TreeItem> {
  return new Map(tree === undefined ? [] : source.tree(tree).map((item) => [item.name, item]));
}

function treeOf(item: TreeItem | undefined): Oid | undefined {
  return item?.mode === MODE_TREE ? item.oid : undefined;
}

function fileOf(item: TreeItem | undefined): TreeEntry | undefined {
  return item === undefined || item.mode === MODE_TREE ? undefined : { mode: item.mode, oid: item.oid };
}
