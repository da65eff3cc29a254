import {
  type ComparedFields,
  diffFiles,
  type FileChanges,
  fitToLimit,
  MAX_META_TEXT_UNITS,
  MAX_UNIFIED_DIFF_BYTES,
  sameCompared,
  type TreeFile,
  type TreeMeta,
} from "../../protocol/index.js";
import { remoteWithoutCredentials, withoutCredentials } from "../../util/index.js";
import type { ComparedState, TreeState } from "../../worktree/index.js";

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
      ...(state.compared !== undefined && compared(state.compared)),
    },
    files,
    fitted: files !== state.files,
  };
}

function compared({ meta, commits, isTruncated }: ComparedState): ComparedFields {
  const reason = meta.reason === undefined ? {} : { reason: cut(withoutCredentials(meta.reason)) };
  return {
    compare: { ...meta, base_ref: cut(meta.base_ref), ...reason },
    commits,
    commits_truncated: isTruncated,
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
    a.too_large_bytes === b.too_large_bytes &&
    sameCompared(a, b)
  );
}
