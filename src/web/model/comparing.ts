import type { Snapshot } from "../../client/index.js";
import type { CommitEntry, TreeMeta } from "../../protocol/browser.js";

/** What the page shows the trees against: a word of docs/comparisons.md. */
export type ComparisonWord = "head" | "base" | `commit:${string}`;

/** The commits of one tree's branch. */
export interface TreeCommits {
  root: string;
  /** The short name of the ref since which they are. */
  since: string;
  /** Newest first. */
  commits: readonly CommitEntry[];
  isTruncated: boolean;
}

/** What the switch of comparisons says. */
export interface Comparing {
  shown: ComparisonWord;
  /** How many files either comparison has; `undefined`: not known. */
  uncommitted: number | undefined;
  branch: number | undefined;
  /** Why no tree has a base, in words for people; `undefined` where one has, or nothing is known yet. */
  reason: string | undefined;
  trees: readonly TreeCommits[];
}

type Trees = Pick<Snapshot, "trees">;

/** Whether a tree was found to have a base. @param trees as they are for `base` */
export function hasBase({ trees }: Trees): boolean {
  return [...trees.values()].some(({ meta }) => meta.compare?.kind === "base");
}

/**
 * What is shown where nobody has chosen: the branch's work, but for a default branch, whose work is what is uncommitted.
 *
 * @param base the trees as they are for `base`
 */
export function defaultComparison({ trees }: Trees): "head" | "base" {
  const isBranch = ({ branch, compare }: TreeMeta) => compare?.kind === "base" && !follows(branch, compare.base_ref);
  return [...trees.values()].some(({ meta }) => isBranch(meta)) ? "base" : "head";
}

/** A branch is compared with its own upstream where it is the default one alone (docs/comparisons.md, "The base ref"). */
function follows(branch: string, baseRef: string): boolean {
  return baseRef === branch || baseRef.slice(baseRef.indexOf("/") + 1) === branch;
}

/** What stands in for HEAD's diff where no tree has a base: the same files, of which nothing needs to be said. */
export function asHead(base: Snapshot): Snapshot {
  const trees = new Map(base.trees);
  for (const [root, tree] of trees) {
    const { compare: _compare, commits: _commits, commits_truncated: _truncated, ...meta } = tree.meta;
    trees.set(root, { ...tree, meta });
  }
  return { ...base, trees };
}

/** The trees that have the commit that is shown: in others there is no such commit. */
export function withCommit(snapshot: Snapshot): Snapshot {
  const trees = [...snapshot.trees].filter(([, { meta }]) => meta.compare?.kind === "commit");
  return { ...snapshot, trees: new Map(trees) };
}

/**
 * What there is to say of the comparisons.
 *
 * @param base the trees for `base`, as far as they are known
 * @param head the trees against HEAD; where they are not known, the uncommitted files of `base` are counted
 */
export function describeComparisons(
  shown: ComparisonWord,
  base: Snapshot | undefined,
  head: Snapshot | undefined,
): Comparing {
  const isFound = base !== undefined && hasBase(base);
  const trees = [...(base?.trees.values() ?? [])];
  const reason = isFound ? undefined : trees.map(({ meta }) => meta.compare?.reason).find((each) => each !== undefined);
  return {
    shown,
    uncommitted: head === undefined ? base && countFiles(base, true) : countFiles(head),
    branch: isFound ? countFiles(base) : undefined,
    reason,
    trees: trees.flatMap(({ root, meta }) => {
      const { compare, commits = [], commits_truncated: isTruncated = false } = meta;
      return compare?.kind === "base" ? [{ root, since: compare.base_ref, commits, isTruncated }] : [];
    }),
  };
}

function countFiles({ trees }: Trees, isUncommitted = false): number {
  const files = [...trees.values()].flatMap((tree) => tree.files);
  return files.filter(({ committed }) => !(isUncommitted && committed === true)).length;
}

/** Names what a tree is compared with: states of two names share no edits. */
export function comparisonName({ compare, commits = [] }: TreeMeta): string {
  if (compare === undefined || compare.kind === "head") return "head";
  return compare.kind === "commit" ? `commit ${commits[0]?.oid}` : `${compare.kind} ${compare.base_oid}`;
}

/** What a tree is compared with, and what an empty diff means there, for people. */
export function comparisonWords({ compare, commits = [], commits_truncated: isTruncated }: TreeMeta): {
  compared: string;
  clean: string;
} {
  if (compare === undefined) return { compared: "", clean: "Nothing uncommitted." };
  if (compare.reason !== undefined) {
    return { compared: `Uncommitted changes alone: ${compare.reason}`, clean: "Nothing uncommitted." };
  }
  if (compare.kind === "commit") {
    const [commit] = commits;
    const subject = commit === undefined ? "" : ` ${commit.oid.slice(0, 10)}: ${commit.subject}`;
    return { compared: `Commit${subject}`, clean: "The commit changes no file." };
  }
  const count = `${commits.length}${isTruncated === true ? "+" : ""} ${commits.length === 1 ? "commit" : "commits"}`;
  const behind = compare.behind === 0 ? "" : `, ${compare.behind} behind`;
  return {
    compared: `Since ${compare.base_ref}: ${count}${behind}`,
    clean: `Nothing differs from where ${compare.base_ref} was left.`,
  };
}
