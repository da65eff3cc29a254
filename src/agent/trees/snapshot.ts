import {
  fitToLimit,
  MAX_META_TEXT_UNITS,
  TREE_MESSAGE_PART_BYTES,
  type TreeFile,
  type TreeMessage,
  type TreeMeta,
} from "../../protocol/index.js";
import type { TreeState } from "../../worktree/index.js";

/** A tree's state as the tunnel carries it: within the limit of docs/protocol.md. Immutable. */
export interface TreeSnapshot {
  readonly meta: TreeMeta;
  /** Ascending by key; files that did not change are the same objects in the next snapshot. */
  readonly files: readonly TreeFile[];
}

/** What turns one list of files into another. */
export interface Delta {
  readonly upserts: readonly TreeFile[];
  /** Keys. */
  readonly removes: readonly string[];
}

/** Fits a state to that limit and words it as the tunnel does. */
export function snapshotOf(state: TreeState): TreeSnapshot {
  const { files, tooLargeBytes } = fitToLimit(state.files);
  return {
    meta: {
      head: state.head,
      branch: cut(state.branch),
      remote_origin: cut(state.remoteOrigin),
      scanned_at: new Date(state.scannedAt).toISOString(),
      health: cut(state.health),
      too_large_bytes: tooLargeBytes,
    },
    files,
  };
}

/** The relay takes no longer words: what a repository names itself has no bound of its own. */
function cut(text: string): string {
  return text.slice(0, MAX_META_TEXT_UNITS);
}

/** Whether two snapshots say the same of a tree; when they were taken does not count. */
export function sameSnapshot(before: TreeSnapshot, after: TreeSnapshot): boolean {
  if (before === after) return true;
  if (before.files.length !== after.files.length || !sameMeta(before.meta, after.meta)) return false;
  return before.files.every((file, position) => sameFile(file, after.files[position]));
}

/** The difference of two lists of files, both ascending by key, in one walk over the two. */
export function deltaBetween(before: readonly TreeFile[], after: readonly TreeFile[]): Delta {
  const upserts: TreeFile[] = [];
  const removes: string[] = [];
  let position = 0;
  for (const file of after) {
    let old = before[position];
    while (old !== undefined && old.key < file.key) {
      removes.push(old.key);
      position += 1;
      old = before[position];
    }
    if (old?.key === file.key) position += 1;
    if (old?.key !== file.key || !sameFile(old, file)) upserts.push(file);
  }
  for (const file of before.slice(position)) removes.push(file.key);
  return { upserts, removes };
}

/**
 * Splits one update into messages of about {@link TREE_MESSAGE_PART_BYTES}, all but the last with `more`. A file is
 * never split: the largest message is one file of the greatest size that a diff may have.
 *
 * @param head what all parts share
 */
export function* treeMessages(
  head: Pick<TreeMessage, "root" | "epoch" | "seq" | "base" | "meta">,
  delta: Delta,
): Generator<TreeMessage, void> {
  const message = (upserts: TreeFile[], removes: string[], more: boolean): TreeMessage => {
    return { type: "tree", ...head, upserts, removes, more };
  };
  let upserts: TreeFile[] = [];
  let removes: string[] = [];
  let units = 0;
  for (const key of delta.removes) {
    if (units + key.length > TREE_MESSAGE_PART_BYTES) {
      yield message(upserts, removes, true);
      [upserts, removes, units] = [[], [], 0];
    }
    removes.push(key);
    units += key.length;
  }
  for (const file of delta.upserts) {
    const size = file.key.length + file.path.length + file.header.length + file.hunks.length;
    if (units > 0 && units + size > TREE_MESSAGE_PART_BYTES) {
      yield message(upserts, removes, true);
      [upserts, removes, units] = [[], [], 0];
    }
    upserts.push(file);
    units += size;
  }
  yield message(upserts, removes, false);
}

function sameMeta(a: TreeMeta, b: TreeMeta): boolean {
  return (
    a.head === b.head &&
    a.branch === b.branch &&
    a.remote_origin === b.remote_origin &&
    a.health === b.health &&
    a.too_large_bytes === b.too_large_bytes
  );
}

function sameFile(a: TreeFile, b: TreeFile | undefined): boolean {
  if (a === b) return true;
  return (
    b !== undefined &&
    a.key === b.key &&
    a.omitted_bytes === b.omitted_bytes &&
    a.header === b.header &&
    a.hunks === b.hunks
  );
}
