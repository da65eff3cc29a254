import type { TreeFile } from "../../protocol/index.js";
import type { TreeState } from "../types.js";

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
