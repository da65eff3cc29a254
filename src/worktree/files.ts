import type { TreeFile, TreeState } from "./types.js";

/**
 * Applies changes to a tree's files without a search for each: both are sorted by key, so one walk merges them.
 *
 * @param files ascending by key
 * @param changes key → the new file, or `undefined` when the key goes
 * @returns ascending by key; files that were not changed are the same objects
 */
export function mergeFiles(
  files: readonly TreeFile[],
  changes: ReadonlyMap<string, TreeFile | undefined>,
): readonly TreeFile[] {
  if (changes.size === 0) return files;
  const keys = [...changes.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const merged: TreeFile[] = [];
  let at = 0;
  for (const key of keys) {
    for (let file = files[at]; file !== undefined && file.key < key; file = files[++at]) merged.push(file);
    if (files[at]?.key === key) at++;
    const file = changes.get(key);
    if (file !== undefined) merged.push(file);
  }
  for (let file = files[at]; file !== undefined; file = files[++at]) merged.push(file);
  return merged;
}

/** Bytes of UTF-8 that a file's hunks have, left out or not. */
export function hunkBytesOf(file: TreeFile): number {
  return file.omitted_bytes > 0 ? file.omitted_bytes : Buffer.byteLength(file.hunks);
}

/**
 * The size above which hunks are not kept in memory, so that what is kept stays within a budget: the smallest files
 * are kept first, as the limit on what is sent drops the largest first.
 *
 * @param sizes bytes of each file's hunks
 * @param budget bytes
 * @returns the largest size that is kept; `ceiling` when everything fits
 */
export function keptHunkSize(sizes: readonly number[], budget: number, ceiling: number): number {
  let total = 0;
  for (const size of sizes) total += size <= ceiling ? size : 0;
  if (total <= budget) return ceiling;
  let kept = 0;
  const ascending = sizes.filter((size) => size <= ceiling).sort((a, b) => a - b);
  for (const size of ascending) {
    kept += size;
    // all files of one size go the same way
    if (kept > budget) return size - 1;
  }
  return ceiling;
}

/**
 * What {@link mergeFiles} needs to make `after` from `before`. Files that are the same object count as equal.
 * @returns key → the file as it is in `after`, or `undefined` when it is not in it
 */
export function changedFiles(
  before: readonly TreeFile[],
  after: readonly TreeFile[],
): ReadonlyMap<string, TreeFile | undefined> {
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
      if (old?.key === now.key) b++;
      if (old !== now) changes.set(now.key, now);
      a++;
    }
  }
}

/** Whether two states say the same, apart from when they were taken. */
export function sameState(a: TreeState, b: TreeState): boolean {
  return (
    a.head === b.head &&
    a.branch === b.branch &&
    a.remoteOrigin === b.remoteOrigin &&
    a.health === b.health &&
    sameFiles(a.files, b.files)
  );
}

function sameFiles(a: readonly TreeFile[], b: readonly TreeFile[]): boolean {
  return a === b || (a.length === b.length && a.every((file, at) => file === b[at]));
}
