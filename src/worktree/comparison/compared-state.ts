import type { Comparison } from "../../history/index.js";
import type { CommitEntry, ComparisonMeta } from "../../protocol/index.js";
import type { ListedCommits } from "./commit-entries.js";

/** What a tree was found to be compared with, and the commits of that. Immutable. */
export interface ComparedState {
  readonly meta: ComparisonMeta;
  /** Along first parents, newest first; at most 100. */
  readonly commits: CommitEntry[];
  /** Whether there are more. */
  readonly isTruncated: boolean;
  /** Why something else is shown than was asked for; absent: it is not. */
  readonly problem?: Comparison["problem"];
}

export function comparedState(comparison: Comparison, { commits, isTruncated }: ListedCommits): ComparedState {
  const { kind, baseRef, baseOid, ahead, behind, reason, problem } = comparison;
  const meta = { kind, base_ref: baseRef, base_oid: baseOid, ahead, behind };
  return {
    meta: reason === undefined ? meta : { ...meta, reason },
    commits,
    isTruncated,
    ...(problem !== undefined && { problem }),
  };
}

/** What is shown where the history can't be read. @param reason in words */
export function unreadableState(reason: string): ComparedState {
  const meta = { kind: "head", base_ref: "", base_oid: "", ahead: 0, behind: 0, reason } as const;
  return { meta, commits: [], isTruncated: false, problem: "unreadable" };
}
