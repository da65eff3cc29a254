import type { CommitTable, HistorySource, Oid } from "../git/index.js";
import { type CommitText, commitText } from "./commit-text.js";
import { bestCommonAncestors } from "./common-ancestors.js";
import { Divergence } from "./divergence.js";

/** One commit of a list. */
export interface Commit extends CommitText {
  oid: Oid;
  /** In order, as grafts have them. */
  parents: Oid[];
}

export interface CommitList {
  /** Newest first. */
  commits: Commit[];
  /** Whether there are more than were asked for. */
  isTruncated: boolean;
}

/** What is listed: the commits of `tip` that `excluded` does not reach. */
export interface CommitRange {
  tip: Oid;
  /** "": nothing is left out. */
  excluded: Oid | "";
}

/** As many as go into one message. */
export const MAX_COMMITS = 100;

/**
 * The commits between two, along the first parents and newest first: `git log --first-parent EXCLUDED..TIP`.
 *
 * @param before begins behind this commit, where it is one of the list; an empty list where it is none
 * @throws TreewireError `TW_CORRUPT_REPOSITORY`, `TW_NOT_FETCHED` when a commit is missing
 */
export function commitsBetween(
  source: HistorySource,
  { tip, excluded }: CommitRange,
  { limit = MAX_COMMITS, before }: { limit?: number; before?: Oid } = {},
): CommitList {
  const commits = source.commits();
  try {
    const chain = firstParents(commits, tip, excluded);
    let isPast = before === undefined;
    const listed: Commit[] = [];
    for (const commit of chain) {
      const oid = commits.oidOf(commit);
      if (isPast && listed.length === limit) return { commits: listed, isTruncated: true };
      if (isPast) listed.push(readCommit(source, commits, commit));
      else isPast = oid === before;
    }
    return { commits: listed, isTruncated: false };
  } finally {
    commits.close();
  }
}

/** Each first parent in turn, as long as the other side does not reach it. */
function* firstParents(commits: CommitTable, tip: Oid, excluded: Oid | ""): Generator<number> {
  const first = commits.numberOf(tip);
  const other = excluded === "" ? undefined : commits.numberOf(excluded);
  const divergence =
    other === undefined ? undefined : new Divergence(commits, first, other, bestCommonAncestors(commits, first, other));
  for (let commit: number | undefined = first; commit !== undefined; commit = commits.parents(commit)[0]) {
    if (divergence?.isCommon(commit) || divergence?.isVisited(commit) === false) return;
    yield commit;
  }
}

function readCommit(source: HistorySource, commits: CommitTable, commit: number): Commit {
  const oid = commits.oidOf(commit);
  const parents = commits.parents(commit).map((parent) => commits.oidOf(parent));
  return { oid, parents, ...commitText(source.object(oid).content) };
}
