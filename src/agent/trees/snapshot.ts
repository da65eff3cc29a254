import {
  diffFiles,
  type FileChanges,
  fitToLimit,
  MAX_META_TEXT_UNITS,
  MAX_UNIFIED_DIFF_BYTES,
  TREE_MESSAGE_PART_BYTES,
  type TreeFile,
  type TreeMessage,
  type TreeMeta,
} from "../../protocol/index.js";
import { remoteWithoutCredentials, withoutCredentials } from "../../util/index.js";
import type { TreeState } from "../../worktree/index.js";

/** A tree's state as the tunnel carries it: within the limit of docs/protocol.md. Immutable. */
export interface TreeSnapshot {
  readonly meta: TreeMeta;
  /** Ascending by key; files that did not change are the same objects in the next snapshot. */
  readonly files: readonly TreeFile[];
  /** Something of the state was left out for its size: what changed in the state is not what changed in `files`. */
  readonly fitted: boolean;
}

/**
 * Fits a state to that limit and words it as the tunnel does: without the credentials of a remote's URL.
 *
 * @param before of the state before, if there was one
 */
export function snapshotOf(state: TreeState, before?: TreeSnapshot): TreeSnapshot {
  const { files, tooLargeBytes } = fitToLimit(state.files, MAX_UNIFIED_DIFF_BYTES, before?.fitted ? before.files : []);
  return {
    meta: {
      head: state.head,
      branch: cut(state.branch),
      remote_origin: cut(remoteWithoutCredentials(state.remoteOrigin)),
      scanned_at: new Date(state.scannedAt).toISOString(),
      health: cut(withoutCredentials(state.health)),
      too_large_bytes: tooLargeBytes,
    },
    files,
    fitted: files !== state.files,
  };
}

/** The relay takes no longer words: what a repository names itself has no bound of its own. */
function cut(text: string): string {
  return text.slice(0, MAX_META_TEXT_UNITS);
}

/**
 * What leads from the files of one snapshot to those of another.
 *
 * @param changes lead from the one's state to the other's; `undefined` where that is not known
 */
export function changesBetween(before: TreeSnapshot, after: TreeSnapshot, changes?: FileChanges): FileChanges {
  if (before.files === after.files) return new Map();
  return changes === undefined || before.fitted || after.fitted ? diffFiles(before.files, after.files) : changes;
}

/** Whether two states differ in their files at most; when they were read does not count. */
export function sameMeta(a: TreeMeta, b: TreeMeta): boolean {
  return (
    a.head === b.head &&
    a.branch === b.branch &&
    a.remote_origin === b.remote_origin &&
    a.health === b.health &&
    a.too_large_bytes === b.too_large_bytes
  );
}

/**
 * Splits one update into messages of about {@link TREE_MESSAGE_PART_BYTES}, all but the last with `more`. A file is
 * never split: the largest message is one file of the greatest size that a diff may have.
 *
 * @param head what all parts share
 * @param changes ascending by key
 */
export function* treeMessages(
  head: Pick<TreeMessage, "root" | "epoch" | "seq" | "base" | "meta">,
  changes: FileChanges,
): Generator<TreeMessage, void> {
  const message = (upserts: TreeFile[], removes: string[], more: boolean): TreeMessage => {
    return { type: "tree", ...head, upserts, removes, more };
  };
  let upserts: TreeFile[] = [];
  let removes: string[] = [];
  let units = 0;
  for (const [key, file] of changes) {
    if (file !== undefined) continue;
    if (units + key.length > TREE_MESSAGE_PART_BYTES) {
      yield message(upserts, removes, true);
      [upserts, removes, units] = [[], [], 0];
    }
    removes.push(key);
    units += key.length;
  }
  for (const file of changes.values()) {
    if (file === undefined) continue;
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
