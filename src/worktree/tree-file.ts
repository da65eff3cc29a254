import type { FilePatch } from "../diff/types.js";
import { pathText } from "./paths.js";
import type { TreeFile } from "./types.js";

/** `t`: tracked, `u`: untracked. Git prints the tracked files first. */
export type Section = "t" | "u";

/** The key under which a file's patch stands in a tree's state. @param path byte path */
export function fileKey(section: Section, path: string): string {
  return `${section}:${path}`;
}

/** The byte path that a key stands for. */
export function pathOfKey(key: string): string {
  return key.slice(2);
}

/**
 * A patch as text, ready to be shown. Bytes that are not UTF-8 become U+FFFD (wire contract, "unified_diff").
 *
 * @param maxHunkBytes hunks over this many bytes of UTF-8 are left out and counted
 */
export function toTreeFile(section: Section, path: string, patch: FilePatch, maxHunkBytes: number): TreeFile {
  const bytes = Buffer.from(patch.bytes.buffer, patch.bytes.byteOffset, patch.bytes.byteLength);
  const header = bytes.toString("utf8", 0, patch.headerLength);
  const hunks = bytes.toString("utf8", patch.headerLength);
  const hunkBytes = Buffer.byteLength(hunks);
  const omitted = hunkBytes > maxHunkBytes;
  return {
    key: fileKey(section, path),
    path: pathText(path),
    header,
    hunks: omitted ? "" : hunks,
    additions: patch.additions,
    deletions: patch.deletions,
    omitted_bytes: omitted ? hunkBytes : 0,
  };
}

/** A file whose patch was not made. */
export function emptyTreeFile(section: Section, path: string): TreeFile {
  const text = { path: pathText(path), header: "", hunks: "" };
  return { key: fileKey(section, path), ...text, additions: 0, deletions: 0, omitted_bytes: 0 };
}
