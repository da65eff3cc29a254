import type { TreeFile } from "./tree.js";

/**
 * What leads from one list of a tree's files to another, by key: the new file, or `undefined` where the key goes. It
 * travels with a state, so that nobody on the way has to find again what differs.
 *
 * All lists here are sorted by {@link compareKeys} and hold each key once; files that did not change are the same
 * objects in consecutive lists.
 */
export type FileChanges = ReadonlyMap<string, TreeFile | undefined>;

/** The order of the files in a diff: by UTF-16 code unit. @returns below, above or exactly 0, as `sort` takes it */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether two files say the same. Counts of lines and the path for people follow from what is compared. */
export function sameFile(a: TreeFile | undefined, b: TreeFile | undefined): boolean {
  if (a === b) return true;
  return (
    a !== undefined &&
    b !== undefined &&
    a.key === b.key &&
    a.omitted_bytes === b.omitted_bytes &&
    a.filter_not_run === b.filter_not_run &&
    a.withheld === b.withheld &&
    a.withheld_rule === b.withheld_rule &&
    a.masked === b.masked &&
    a.committed === b.committed &&
    a.header === b.header &&
    a.hunks === b.hunks
  );
}

/** Where the first file stands whose key is this one or a later one, by halving; behind the last when there is none. */
export function firstFrom(files: readonly TreeFile[], key: string): number {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const file = files[middle];
    if (file === undefined || file.key >= key) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The file with this key. @returns `undefined` when the list has none */
export function findFile(files: readonly TreeFile[], key: string): TreeFile | undefined {
  const found = files[firstFrom(files, key)];
  return found?.key === key ? found : undefined;
}

/** So many changes are found in a list one by one; for more, one walk over all of it takes less. */
const FEW_CHANGES = 32;

/**
 * The list that the changes lead to. An edit of a long list costs a copy of it, and no look at each file.
 *
 * @returns `files` itself when nothing changes; files that were not changed are the same objects
 */
export function mergeFiles(files: readonly TreeFile[], changes: FileChanges): readonly TreeFile[] {
  if (changes.size === 0) return files;
  return changes.size <= FEW_CHANGES ? withFew(files, changes) : withMany(files, changes);
}

function withFew(files: readonly TreeFile[], changes: FileChanges): readonly TreeFile[] {
  const merged = files.slice();
  for (const [key, file] of changes) {
    const at = firstFrom(merged, key);
    const isThere = merged[at]?.key === key;
    if (file !== undefined && isThere) merged[at] = file;
    else if (file !== undefined) merged.splice(at, 0, file);
    else if (isThere) merged.splice(at, 1);
  }
  return merged;
}

function withMany(files: readonly TreeFile[], changes: FileChanges): readonly TreeFile[] {
  const merged: TreeFile[] = [];
  let at = 0;
  for (const key of [...changes.keys()].sort(compareKeys)) {
    for (let file = files[at]; file !== undefined && file.key < key; file = files[++at]) merged.push(file);
    if (files[at]?.key === key) at++;
    const file = changes.get(key);
    if (file !== undefined) merged.push(file);
  }
  for (let file = files[at]; file !== undefined; file = files[++at]) merged.push(file);
  return merged;
}

/** What {@link mergeFiles} needs to make `after` from `before`, ascending by key. Files that say the same stay. */
export function diffFiles(before: readonly TreeFile[], after: readonly TreeFile[]): FileChanges {
  const changes = new Map<string, TreeFile | undefined>();
  let b = 0;
  let a = 0;
  for (;;) {
    const old = before[b];
    const now = after[a];
    if (old === undefined && now === undefined) return changes;
    if (now === undefined || (old !== undefined && old.key < now.key)) {
      if (old !== undefined) changes.set(old.key, undefined);
      b++;
    } else {
      if (old?.key !== now.key || !sameFile(old, now)) changes.set(now.key, now);
      if (old?.key === now.key) b++;
      a++;
    }
  }
}

/** The changes without those that say what `before` says already, ascending by key. */
export function realChanges(before: readonly TreeFile[], changes: FileChanges): FileChanges {
  const real = new Map<string, TreeFile | undefined>();
  for (const key of [...changes.keys()].sort(compareKeys)) {
    const file = changes.get(key);
    if (!sameFile(findFile(before, key), file)) real.set(key, file);
  }
  return real;
}

/** Changes, and then others on top of them, as one. */
export function joinChanges(first: FileChanges, then: FileChanges): FileChanges {
  return first.size === 0 ? then : new Map([...first, ...then]);
}
