import { LRUCache } from "lru-cache";
import type { HistorySource, Oid, Repository } from "../../git/index.js";
import { type Commit, type CommitRange, changedPaths, commitsBetween } from "../../history/index.js";
import { type CommitEntry, MAX_COMMIT_TEXT_UNITS, MAX_LISTED_COMMITS } from "../../protocol/index.js";
import { TreewireError } from "../../util/index.js";
import type { Patcher } from "../patches/patcher.js";
import type { RenameDetection } from "../patches/rename-detection.js";
import { treeChanges } from "./changes.js";

/** Commits that change more paths than this are listed without counts: a merge of a year's work is not read for its lines. */
const MAX_COUNTED_PATHS = 1000;
/** So many commits' counts are kept. */
const KEPT_COUNTS = 1000;

/** The texts of a list, in UTF-16 units: it travels in one message. */
const MAX_LIST_UNITS = 64 * 1024;

/** Commits as they are listed, with the one that says whether there are more. */
export interface ListedCommits {
  readonly commits: CommitEntry[];
  readonly isTruncated: boolean;
}

/** What a commit changed against its first parent: `git diff --shortstat` of the two. */
type Counts = Pick<CommitEntry, "files" | "additions" | "deletions">;

/** The parts that print patches. */
export interface CountingParts {
  readonly repository: Pick<Repository, "submoduleIgnore">;
  readonly renames: Pick<RenameDetection, "pair">;
  readonly patcher: Pick<Patcher, "patch">;
}

/** Lists commits, and counts what each has changed, once. */
export class CommitEntries {
  readonly #parts: CountingParts;
  readonly #counts = new LRUCache<Oid, Counts>({ max: KEPT_COUNTS });

  constructor(parts: CountingParts) {
    this.#parts = parts;
  }

  /**
   * The commits of a range along first parents, newest first.
   *
   * @param range `isOne`: its newest alone; `undefined`: there are none
   * @throws TreewireError `TW_CORRUPT_REPOSITORY`, `TW_NOT_FETCHED` when one is missing
   */
  async list(
    source: HistorySource,
    range: (CommitRange & { isOne: boolean }) | undefined,
    options: { limit?: number; before?: Oid } = {},
  ): Promise<ListedCommits> {
    if (range === undefined) return { commits: [], isTruncated: false };
    const listed = commitsBetween(source, range, range.isOne ? { ...options, limit: 1 } : options);
    const commits = range.isOne && options.before !== undefined ? [] : listed.commits;
    const isTruncated = listed.isTruncated && !range.isOne;
    const entries: CommitEntry[] = [];
    let units = 0;
    for (const commit of commits) {
      const entry = entryOf(commit);
      units += unitsOf(entry);
      if (units > MAX_LIST_UNITS && entries.length > 0) return { commits: entries, isTruncated: true };
      entries.push({ ...entry, ...(await this.#countsOf(source, commit)) });
    }
    return { commits: entries, isTruncated };
  }

  async #countsOf(source: HistorySource, { oid, parents: [parent] }: Commit): Promise<Counts> {
    const key = `${oid} ${parent ?? ""}`; // grafts and replaced commits have other parents
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const counts = await this.#count(source, oid, parent);
    this.#counts.set(key, counts);
    return counts;
  }

  async #count(source: HistorySource, oid: Oid, parent: Oid | undefined): Promise<Counts> {
    try {
      const left = parent === undefined ? source.format.emptyTree : source.commitTree(parent);
      const paths = changedPaths(source, left, source.commitTree(oid));
      if (paths.length > MAX_COUNTED_PATHS) return {};
      const { repository, renames, patcher } = this.#parts;
      const changes = treeChanges(paths, (path) => repository.submoduleIgnore(path) === "all");
      let [files, additions, deletions] = [0, 0, 0];
      for (const pair of await renames.pair(changes)) {
        const patch = await patcher.patch(pair);
        files += 1;
        additions += patch.additions;
        deletions += patch.deletions;
      }
      return { files, additions, deletions };
    } catch (error) {
      if (error instanceof TreewireError) return {}; // a partial clone has commits whose files it has not
      throw error;
    }
  }
}

/** Texts are cut: a list is looked over, and a hundred commits are one message. */
function entryOf({ oid, parents, subject, body, author }: Commit): CommitEntry {
  return {
    oid,
    parents: parents.slice(0, MAX_LISTED_COMMITS),
    subject: cut(subject),
    body: cut(body),
    author: { name: cut(author.name), email: cut(author.email), at: timeText(author.at) },
  };
}

function unitsOf({ oid, parents, subject, body, author }: CommitEntry): number {
  const texts = [oid, ...parents, subject, body, author.name, author.email];
  return texts.reduce((sum, { length }) => sum + length, 0);
}

function cut(text: string): string {
  return text.slice(0, MAX_COMMIT_TEXT_UNITS);
}

/** RFC 3339 in UTC. @param seconds since 1970; a damaged commit may name any */
function timeText(seconds: number): string {
  const latest = Date.UTC(9999, 11, 31) / 1000;
  return new Date(Math.min(Math.max(seconds, 0), latest) * 1000).toISOString();
}
