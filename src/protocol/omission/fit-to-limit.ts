import { MAX_UNIFIED_DIFF_BYTES } from "../limits.js";
import type { TreeFile } from "../tree.js";
import { lastLines } from "../unified-diff.js";
import { leastOfAll, leaveOutDirectories } from "./fit-directories.js";
import { patchSize } from "./patch-size.js";

/** What {@link fitToLimit} left of a tree. */
export interface FittedFiles {
  /** In the order given; the same objects where nothing was left out. */
  files: readonly TreeFile[];
  /** Bytes of UTF-8 of the whole diff when not even the headers of tracked files fit; then `files` is empty. 0 otherwise. */
  tooLargeBytes: number;
}

/** Counted a part of a tree. */
interface Part {
  readonly files: readonly TreeFile[];
  /** Bytes of UTF-8 as it is, and without hunks. */
  readonly total: number;
  readonly least: number;
}

/**
 * Leaves out of a tree what is too much for `unifiedDiff` (docs/protocol.md, "unified_diff"). Hunks go first: of the largest
 * patch first, of equal ones the later first. Where the headers alone do not fit, untracked files go whole, by directory.
 * Hunks of tracked files go only as far as leaving out untracked ones is not enough.
 *
 * A file whose hunks are left out gives the same object on every call, so that consecutive states of a tree can be compared
 * by identity.
 *
 * @param files complete, ascending by key
 * @param limit bytes of UTF-8 that the text may have
 * @param before what the state before was fitted to: directories that were left out there go first again, so that a small
 *   change does not exchange them for others
 */
export function fitToLimit(
  files: readonly TreeFile[],
  limit = MAX_UNIFIED_DIFF_BYTES,
  before: readonly TreeFile[] = [],
): FittedFiles {
  // A UTF-16 unit is 3 bytes of UTF-8 at most: nearly every tree is let through here, without counting bytes.
  let units = 0;
  for (const file of files) units += file.header.length + file.hunks.length + lastLines(file).length;
  if (units * 3 <= limit) return { files, tooLargeBytes: 0 };

  const whole = partOf(files).total;
  if (whole <= limit) return { files, tooLargeBytes: 0 };

  const from = firstUntracked(files);
  const tracked = partOf(files.slice(0, from));
  let untracked = partOf(files.slice(from));
  if (tracked.least + untracked.least > limit) {
    const needed = withoutHunks(tracked, limit - leastOfAll(untracked.files));
    untracked = partOf(leaveOutDirectories(untracked.files, limit - needed.total, before));
  }
  if (tracked.least + untracked.least > limit) return { files: [], tooLargeBytes: whole };
  const left = withoutHunks(tracked, limit - untracked.least);
  return { files: [...left.files, ...withoutHunks(untracked, limit - left.total).files], tooLargeBytes: 0 };
}

/** Where the untracked files begin, which stand behind all others. @param files ascending by key */
export function firstUntracked(files: readonly TreeFile[]): number {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (files[middle]?.key.startsWith("u")) high = middle;
    else low = middle + 1;
  }
  return low;
}

function partOf(files: readonly TreeFile[]): Part {
  let total = 0;
  let least = 0;
  for (const file of files) {
    const size = patchSize(file);
    total += size.total;
    least += size.least;
  }
  return { files, total, least };
}

/** Leaves out the hunks of the largest patches, until the rest fits or no hunks are left. @param limit bytes of UTF-8 */
function withoutHunks(part: Part, limit: number): Part {
  if (part.total <= limit) return part;
  const { files } = part;
  const left = [...files];
  let total = part.total;
  const sizeAt = (at: number): number => {
    const file = files[at];
    return file === undefined ? 0 : patchSize(file).total;
  };
  const largestFirst = [...files.keys()].sort((a, b) => sizeAt(b) - sizeAt(a) || b - a);
  for (const at of largestFirst) {
    if (total <= limit) break;
    const file = files[at];
    if (file === undefined) continue;
    const { total: size, least } = patchSize(file);
    if (least === size) continue;
    left[at] = fileWithoutHunks(file);
    total += least - size;
  }
  return { ...part, files: left, total };
}

const short = new WeakMap<TreeFile, TreeFile>();

/** A file whose hunks are left out for size: the same object on every call. @param file with hunks */
export function fileWithoutHunks(file: TreeFile): TreeFile {
  let known = short.get(file);
  if (known === undefined) {
    known = { ...file, hunks: "", omitted_bytes: patchSize(file).hunks };
    short.set(file, known);
  }
  return known;
}
