import type { CommitTable } from "../git/index.js";
import { CommitFlags } from "./commit-flags.js";
import { CommitQueue } from "./commit-queue.js";

/** Reached from the left side. */
const LEFT = 1;
/** Common to both sides. */
const COMMON = 2;
const SEEN = 4;
const QUEUED = 8;
/** Visited while it was not known to be common. */
const LISTED = 16;

/**
 * So many commits are still visited when all that wait are common and older than what was counted: where a clock was
 * wrong, what is common may turn out late.
 */
const SLOP = 100;
/** The same where a commit was met that is older than its parent. Git visits five, and counts wrongly in such histories. */
const SKEWED_SLOP = 20_000;

/**
 * What two commits do not have in common, as `git rev-list --left-right --count LEFT...RIGHT` finds it where clocks were
 * right.
 */
export class Divergence {
  /** How many commits the left side has that the right one has not, and the other way round. */
  readonly ahead: number;
  readonly behind: number;
  readonly #commits: CommitTable;
  readonly #flags: CommitFlags;
  /** How many in the queue are not known to be common. */
  #open = 0;
  /** {@link SLOP}, or {@link SKEWED_SLOP} once a clock was seen to be wrong. */
  #slop = SLOP;

  /**
   * @param left, right numbers of `commits`
   * @param bases their best common ancestors: what these reach is common
   * @throws TreewireError `TW_CORRUPT_REPOSITORY`, `TW_NOT_FETCHED` when a commit on the way is missing
   */
  constructor(commits: CommitTable, left: number, right: number, bases: readonly number[]) {
    this.#commits = commits;
    this.#flags = new CommitFlags(commits.end);
    const listed = this.#walk(left, right, bases);
    const apart = listed.filter((commit) => !this.isCommon(commit));
    this.ahead = apart.filter((commit) => (this.#flags.get(commit) & LEFT) !== 0).length;
    this.behind = apart.length - this.ahead;
  }

  /** Whether a commit that one of the sides reaches is known to be an ancestor of both. */
  isCommon(commit: number): boolean {
    return (this.#flags.get(commit) & COMMON) !== 0;
  }

  /** Whether a commit was visited: where history goes on behind the last that was, it is common. */
  isVisited(commit: number): boolean {
    return (this.#flags.get(commit) & SEEN) !== 0;
  }

  #walk(left: number, right: number, bases: readonly number[]): number[] {
    const commits = this.#commits;
    const queue = new CommitQueue(commits, false);
    for (const base of bases) this.#markCommon(base);
    this.#add(left, LEFT);
    for (const commit of [...bases, left, right]) this.#enter(queue, commit);
    const listed: number[] = [];
    let visitedMore = 0;
    let lastDate = Number.POSITIVE_INFINITY;
    for (let commit = queue.take(); commit !== undefined; commit = queue.take()) {
      const flags = this.#flags.get(commit);
      this.#flags.set(commit, flags & ~QUEUED);
      if ((flags & COMMON) === 0) {
        this.#open -= 1;
        for (const parent of commits.parents(commit)) {
          this.#add(parent, flags & LEFT);
          this.#enter(queue, parent, commit);
        }
        lastDate = commits.date(commit);
        listed.push(commit);
        this.#add(commit, LISTED);
        continue;
      }
      for (const parent of commits.parents(commit)) {
        this.#markCommon(parent);
        this.#enter(queue, parent, commit);
      }
      const isOver = queue.length > 0 && lastDate > queue.nextDate && this.#open === 0;
      visitedMore = isOver ? visitedMore + 1 : 0;
      if (visitedMore >= this.#slop) break;
    }
    return listed;
  }

  #enter(queue: CommitQueue, commit: number, child?: number): void {
    const flags = this.#flags.get(commit);
    if (child !== undefined && this.#commits.date(commit) > this.#commits.date(child)) this.#slop = SKEWED_SLOP;
    if ((flags & SEEN) !== 0) return;
    queue.put(commit);
    this.#flags.set(commit, flags | SEEN | QUEUED);
    if ((flags & COMMON) === 0) this.#open += 1;
  }

  #add(commit: number, flags: number): void {
    this.#flags.set(commit, this.#flags.get(commit) | flags);
  }

  /** Notes that a commit is common, and with it what it is known to reach. */
  #markCommon(first: number): void {
    const pending = [first];
    for (let commit = pending.pop(); commit !== undefined; commit = pending.pop()) {
      const flags = this.#flags.get(commit);
      if ((flags & COMMON) !== 0) continue;
      this.#flags.set(commit, flags | COMMON);
      if ((flags & QUEUED) !== 0) this.#open -= 1;
      if ((flags & LISTED) !== 0) pending.push(...this.#commits.parents(commit));
    }
  }
}
