import type { CommitTable } from "../git/index.js";
import { CommitFlags } from "./commit-flags.js";
import { CommitQueue } from "./commit-queue.js";

/** An ancestor of the one side, or that side itself. */
const ONE = 1;
/** The same of the other sides. */
const OTHER = 2;
/** An ancestor of a common ancestor that was found, and so no best one. */
const STALE = 4;
/** It is in the list of results. */
const RESULT = 8;
/** How often a commit is in the queue, at most three times: once for each of the flags above. */
const QUEUED = 16;

/**
 * The best common ancestors of two commits: those that are no ancestor of another common one. As git has it, which
 * describes it at <https://git-scm.com/docs/git-merge-base>: commits are visited newest first, and each hands on to its
 * parents from which side it was reached; below a commit that both sides reach everything is stale, and where nothing
 * else is left the walk ends. Dates only say where to look first: where clocks were wrong, more is visited, and what
 * turns out to be an ancestor of another result is removed afterwards.
 *
 * @param one, other numbers of `commits`
 * @returns their numbers in the order of `git merge-base --all`: what `git merge-base` prints is the first
 * @throws TreewireError `TW_CORRUPT_REPOSITORY`, `TW_NOT_FETCHED` when a commit on the way is missing
 */
export function bestCommonAncestors(commits: CommitTable, one: number, other: number): number[] {
  if (one === other) return [one];
  const painting = new Painting(commits, one, [other]);
  const found = painting.results.filter((commit) => !painting.isStale(commit));
  const best = found.length > 1 ? withoutAncestorsOfOthers(commits, found) : found;
  return byDate(commits, best);
}

/** Removes those that are ancestors of others, as all of them are common ones. */
function withoutAncestorsOfOthers(commits: CommitTable, found: readonly number[]): number[] {
  const redundant = new Set<number>();
  for (const commit of found) {
    if (redundant.has(commit)) continue;
    const others = found.filter((other) => other !== commit && !redundant.has(other));
    const painting = new Painting(commits, commit, others);
    if (painting.isFromOther(commit)) redundant.add(commit);
    for (const other of others) if (painting.isFromOne(other)) redundant.add(other);
  }
  return found.filter((commit) => !redundant.has(commit));
}

/** Newest first; those of the same date stay in their order. */
function byDate(commits: CommitTable, list: readonly number[]): number[] {
  return list.toSorted((a, b) => commits.date(b) - commits.date(a));
}

/** One walk from two sides down to where all is common. */
class Painting {
  /** Commits that both sides reach, first in the order in which they were found, then newest first. */
  readonly results: number[];
  readonly #flags: CommitFlags;

  constructor(commits: CommitTable, one: number, others: readonly number[]) {
    this.#flags = new CommitFlags(commits.end);
    this.results = byDate(commits, this.#paint(commits, one, others));
  }

  isStale(commit: number): boolean {
    return (this.#flags.get(commit) & STALE) !== 0;
  }

  isFromOne(commit: number): boolean {
    return (this.#flags.get(commit) & ONE) !== 0;
  }

  isFromOther(commit: number): boolean {
    return (this.#flags.get(commit) & OTHER) !== 0;
  }

  #paint(commits: CommitTable, one: number, others: readonly number[]): number[] {
    const flags = this.#flags;
    const queue = new CommitQueue(commits, true);
    const found: number[] = [];
    /** How many in the queue are not stale. */
    let fresh = 0;
    const reach = (commit: number, added: number): void => {
      const before = flags.get(commit);
      if ((before & STALE) === 0 && (added & STALE) !== 0) fresh -= Math.floor(before / QUEUED);
      flags.set(commit, (before | added) + QUEUED);
      if (((before | added) & STALE) === 0) fresh += 1;
      queue.put(commit);
    };
    reach(one, ONE);
    for (const other of others) reach(other, OTHER);
    while (fresh > 0) {
      const commit = queue.take();
      if (commit === undefined) break;
      let all = flags.get(commit) - QUEUED;
      if ((all & STALE) === 0) fresh -= 1;
      let handedOn = all & (ONE | OTHER | STALE);
      if (handedOn === (ONE | OTHER)) {
        if ((all & RESULT) === 0) found.push(commit);
        all |= RESULT;
        handedOn |= STALE;
      }
      flags.set(commit, all);
      for (const parent of commits.parents(commit)) {
        if ((flags.get(parent) & handedOn) !== handedOn) reach(parent, handedOn);
      }
    }
    return found;
  }
}
