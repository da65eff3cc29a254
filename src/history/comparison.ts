import { type BytePath, type CommitTable, type HistorySource, type Oid, textOfBytes } from "../git/index.js";
import type { ComparisonRequest } from "../protocol/index.js";
import { messageOf, TreewireError } from "../util/index.js";
import { findBaseRef } from "./base-ref.js";
import { bestCommonAncestors } from "./common-ancestors.js";
import { Divergence } from "./divergence.js";

import { findCommit, findRevision, type Revision } from "./revisions.js";

/** Why what was asked for is not what is shown. */
export type Problem =
  | "unborn"
  | "default-branch"
  | "no-base"
  | "no-such-ref"
  | "no-such-commit"
  | "no-common-ancestor"
  | "cut-off"
  | "unreadable"
  | "sha256";

/** What a working tree is compared with, and how its branch stands to it. */
export interface Comparison {
  /** `head` as well where there is a {@link problem}. */
  kind: ComparisonRequest["kind"];
  /** The ref's short name, as text; an object id where one was asked for; "" of `head` and `commit`. */
  baseRef: string;
  /** The commit on the left: the best common ancestor, the parent of `commit`; "" for the empty tree, and of `head`. */
  baseOid: Oid | "";
  /** The tree on the left. */
  leftTree: Oid;
  /** The tree on the right, of `commit` alone; `undefined`: what is in the working tree. */
  rightTree: Oid | undefined;
  /** Commits of HEAD that the ref has not, and the other way round, as it was last fetched. */
  ahead: number;
  behind: number;
  /** Why it is HEAD although something else was asked for, in words. */
  reason?: string;
  problem?: Problem;
  /** From which commits {@link commitsBetween} lists: HEAD, or the commit; "" where there is nothing to list. */
  tip: Oid | "";
  /** Whose commits it leaves out: that of the ref, or the commit's parent. */
  excluded: Oid | "";
  /** Decides everything else: the same where nothing has to be found anew. */
  inputs: string;
  /**
   * The files by whose change it may be another one, HEAD's own and configuration aside: absolute byte paths, those that
   * are not there, too; a directory with a `/` behind it.
   */
  watchPaths: readonly BytePath[];
}

/** What is known of a tree besides its repository. */
export interface ComparisonHints {
  /** The ref that its chat names as base, as text. */
  base?: string | undefined;
}

const REASONS: Readonly<Record<Problem, string>> = {
  unborn: "nothing is committed yet",
  "default-branch": "this is the default branch, and it follows no other",
  "no-base": "there is no branch to compare with",
  "no-such-ref": "there is no such ref",
  "no-such-commit": "there is no such commit, or more than one",
  "no-common-ancestor": "no common ancestor",
  "cut-off": "the history is cut off here",
  unreadable: "the history cannot be read",
  sha256: "comparisons of SHA-256 repositories are not supported yet",
};

/** That it ends at HEAD, and why. */
class Refusal extends Error {
  readonly problem: Problem;
  readonly subject: string;

  constructor(problem: Problem, subject = "") {
    super(subject === "" ? REASONS[problem] : `${subject}: ${REASONS[problem]}`);
    this.problem = problem;
    this.subject = subject;
  }
}

/**
 * Finds out what a working tree is to be compared with. Refs and objects are taken as they are here: nothing is fetched.
 *
 * @param previous what was found before for the same request: kept where nothing that decides it has changed, which saves
 *   the walk over history
 * @returns HEAD, with the reason, where it cannot be what was asked for; for HEAD itself nothing is read but its tree
 * @throws TreewireError when HEAD can't be read
 */
export function resolveComparison(
  source: HistorySource,
  request: ComparisonRequest,
  hints: ComparisonHints = {},
  previous?: Comparison,
): Comparison {
  const asked = new Set<BytePath>();
  const recording: HistorySource = {
    ...source,
    ref: (name) => {
      asked.add(name);
      return source.ref(name);
    },
  };
  const found = new Search(recording, request, hints, previous).run();
  if (found === previous) return previous;
  const watchPaths = new Set([...asked].flatMap((name) => source.refFiles(name)));
  for (const path of source.alterationFiles()) watchPaths.add(path);
  return { ...found, watchPaths: request.kind === "head" ? [] : [...watchPaths] };
}

/** The parts of a comparison that a search finds. */
type Found = Omit<Comparison, "watchPaths">;

class Search {
  readonly #source: HistorySource;
  readonly #request: ComparisonRequest;
  readonly #hints: ComparisonHints;
  readonly #previous: Comparison | undefined;

  constructor(
    source: HistorySource,
    request: ComparisonRequest,
    hints: ComparisonHints,
    previous: Comparison | undefined,
  ) {
    this.#source = source;
    this.#request = request;
    this.#hints = hints;
    this.#previous = previous;
  }

  run(): Found {
    const head = this.#source.head();
    const key = `${JSON.stringify(this.#request)} ${head.oid ?? ""}`;
    if (this.#request.kind === "head") return this.#head(head.oid, key);
    try {
      if (this.#source.format.name !== "sha1") throw new Refusal("sha256");
      if (this.#request.kind === "commit") return this.#commit(this.#request.oid, key);
      if (head.oid === undefined) throw new Refusal("unborn");
      const revision = this.#revision(head.ref);
      return this.#between(head.oid, revision, key);
    } catch (thrown) {
      return this.#fallBack(thrown, head.oid, key);
    }
  }

  #head(oid: Oid | undefined, inputs: string): Found {
    const leftTree = oid === undefined ? this.#source.format.emptyTree : this.#treeOf(oid);
    const nothing = {
      baseRef: "",
      baseOid: "",
      rightTree: undefined,
      ahead: 0,
      behind: 0,
      tip: "",
      excluded: "",
    } as const;
    return { kind: "head", ...nothing, leftTree, inputs };
  }

  #fallBack(thrown: unknown, head: Oid | undefined, key: string): Found {
    if (thrown instanceof Refusal) {
      return { ...this.#head(head, key), reason: thrown.message, problem: thrown.problem };
    }
    if (!(thrown instanceof TreewireError)) throw thrown;
    return { ...this.#head(head, key), reason: messageOf(thrown), problem: "unreadable" };
  }

  /** @param ref HEAD's, in full */
  #revision(ref: BytePath | undefined): Revision {
    if (this.#request.kind === "ref") {
      const revision = findRevision(this.#source, this.#request.name);
      if (revision === undefined) throw new Refusal("no-such-ref", this.#request.name);
      return { ...revision, ref: revision.ref === "" ? this.#request.name : revision.ref };
    }
    const heads = "refs/heads/";
    const branch = ref?.startsWith(heads) ? ref.slice(heads.length) : undefined;
    const base = findBaseRef(this.#source, branch, this.#hints.base);
    if (base.kind === "none") throw new Refusal(base.why);
    return base.revision;
  }

  #between(head: Oid, { ref, oid }: Revision, key: string): Found {
    const inputs = `${key} ${ref} ${oid} ${this.#source.alterations()}`;
    if (this.#previous?.inputs === inputs && this.#previous.problem === undefined) return this.#previous;
    return this.#withCommits((commits) => {
      const [left, right] = [commits.numberOf(head), commits.numberOf(oid)];
      const bases = bestCommonAncestors(commits, left, right);
      const [base] = bases;
      if (base === undefined) throw new Refusal(commits.hasMetCutOff ? "cut-off" : "no-common-ancestor");
      const { ahead, behind } = new Divergence(commits, left, right, bases);
      const baseOid = commits.oidOf(base);
      const [baseRef, leftTree] = [shortName(ref), this.#readableTreeOf(baseOid)];
      const kind = this.#request.kind;
      return {
        kind,
        baseRef,
        baseOid,
        leftTree,
        rightTree: undefined,
        ahead,
        behind,
        tip: head,
        excluded: oid,
        inputs,
      };
    });
  }

  #commit(prefix: string, key: string): Found {
    const oid = findCommit(this.#source, prefix);
    if (oid === undefined) throw new Refusal("no-such-commit", prefix);
    return this.#withCommits((commits) => {
      const number = commits.numberOf(oid);
      if (commits.isCutOff(number)) throw new Refusal("cut-off", oid);
      const [parent] = commits.parents(number);
      const baseOid = parent === undefined ? "" : commits.oidOf(parent);
      const leftTree = baseOid === "" ? this.#source.format.emptyTree : this.#readableTreeOf(baseOid);
      const rightTree = this.#readableTreeOf(oid);
      const inputs = `${key} ${oid} ${this.#source.alterations()}`;
      const none = { baseRef: "", ahead: 0, behind: 0 };
      return { kind: "commit", ...none, baseOid, leftTree, rightTree, tip: oid, excluded: baseOid, inputs };
    });
  }

  #withCommits<T>(use: (commits: CommitTable) => T): T {
    const commits = this.#source.commits();
    try {
      return use(commits);
    } finally {
      commits.close();
    }
  }

  #treeOf(commit: Oid): Oid {
    return this.#source.commitTree(commit);
  }

  /** A partial clone may lack the tree of a commit that it has. @throws TreewireError `TW_NOT_FETCHED` */
  #readableTreeOf(commit: Oid): Oid {
    const tree = this.#treeOf(commit);
    this.#source.tree(tree);
    return tree;
  }
}

/** A ref's name as people write it. */
function shortName(ref: BytePath): string {
  return textOfBytes(ref.replace(/^refs\/(heads|tags|remotes)\//, ""));
}
