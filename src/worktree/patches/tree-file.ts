import { textOfBytes } from "../../git/index.js";
import type { TreeFile } from "../../protocol/index.js";
import type { TreePatch } from "./patcher.js";

/** `t`: tracked, `u`: untracked. Git prints the tracked files first. */
export type Section = "t" | "u";

/** Digits of a rank in a key. */
const RANK_DIGITS = 6;

/**
 * The key under which a file's patch stands in a tree's state.
 * @param path byte path
 * @param rank of a tracked file, where patches do not stand in the order of their paths
 */
export function fileKey(section: Section, path: string, rank?: number): string {
  return rank === undefined ? `${section}:${path}` : `${section}${String(rank).padStart(RANK_DIGITS, "0")}:${path}`;
}

/** The byte path that a key stands for. */
export function pathOfKey(key: string): string {
  return key.slice(key.indexOf(":") + 1);
}

/**
 * A patch as text, ready to be shown. Bytes that are not UTF-8 become U+FFFD: the wire carries text.
 *
 * @param maxHunkBytes hunks over this many bytes of UTF-8 are left out and counted
 */
export function toTreeFile(key: string, patch: TreePatch, maxHunkBytes: number): TreeFile {
  const bytes = Buffer.from(patch.bytes.buffer, patch.bytes.byteOffset, patch.bytes.byteLength);
  const header = bytes.toString("utf8", 0, patch.headerLength);
  const hunks = bytes.toString("utf8", patch.headerLength);
  const hunkBytes = patch.notMadeBytes ?? Buffer.byteLength(hunks);
  const omitted = hunkBytes > maxHunkBytes;
  return {
    key,
    path: textOfBytes(pathOfKey(key)),
    header,
    hunks: omitted ? "" : hunks,
    additions: patch.additions,
    deletions: patch.deletions,
    omitted_bytes: omitted ? hunkBytes : 0,
    ...(patch.filterNotRun !== undefined && { filter_not_run: patch.filterNotRun }),
  };
}

/** A file whose patch was not made. */
export function emptyTreeFile(key: string): TreeFile {
  const text = { path: textOfBytes(pathOfKey(key)), header: "", hunks: "" };
  return { key, ...text, additions: 0, deletions: 0, omitted_bytes: 0 };
}
