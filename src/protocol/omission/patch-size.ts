import type { TreeFile } from "../tree.js";
import { lacksHunks, lastLines, omittedLine } from "../unified-diff.js";

/** Bytes of UTF-8 that a file takes in a diff. */
export interface PatchSize {
  readonly hunks: number;
  readonly total: number;
  /** Without the hunks, if that saves anything. */
  readonly least: number;
}

/** Counted once a file: a state shares its unchanged files with the one before it. */
const sizes = new WeakMap<TreeFile, PatchSize>();

/** What a file takes in the diff as it is; a lone surrogate counts as U+FFFD, three bytes. */
export function patchSize(file: TreeFile): PatchSize {
  let size = sizes.get(file);
  if (size === undefined) {
    const hunks = Buffer.byteLength(file.hunks);
    const rest = lacksHunks(file) ? omittedLine(file.omitted_bytes).length : 0;
    const total = Buffer.byteLength(file.header) + hunks + rest + Buffer.byteLength(lastLines(file));
    // no hunks, or shorter than the line that would stand for them: nothing is saved
    const saved = Math.max(0, hunks - omittedLine(hunks).length);
    size = { hunks, total, least: total - saved };
    sizes.set(file, size);
  }
  return size;
}
