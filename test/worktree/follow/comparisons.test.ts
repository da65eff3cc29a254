import { join } from "node:path";
import t, { type Test } from "tap";
import { mergeFiles, parseComparisonRequest, type TreeFile } from "../../../src/protocol/index.js";
import type { TreeState } from "../../../src/worktree/types.js";
import { type Followed, follow, textOf } from "../../support/followed.js";
import { expectedDiff, expectedTreeDiff } from "../../support/git-oracle.js";
import { createRepo, git, TestRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

const lines = (count: number) => Array.from({ length: count }, (_, at) => `line ${at}\n`).join("");

interface Clone {
  repo: TestRepo;
  origin: TestRepo;
}

/** A clone on branch `feature` with one commit. */
function featureClone(t: Test): Clone {
  const origin = createRepo(t, { a: lines(9), b: "1\n", moved: lines(20) });
  const repo = new TestRepo(join(tempDir(t), "clone"));
  git(origin.root, "clone", "-q", origin.root, repo.root);
  repo.git("checkout", "-q", "--no-track", "-b", "feature");
  repo.write("a", lines(9).replace("line 2", "second"));
  repo.commit("one");
  return { repo, origin };
}

interface Compared extends Followed {
  /** The states of each comparison, by its key. */
  of: Map<string, TreeState[]>;
  want(...words: string[]): void;
}

/** Follows with comparisons, and holds each state's changes against its files. */
async function compared(t: Test, repo: TestRepo, ...words: string[]): Promise<Compared> {
  const of = new Map<string, TreeState[]>();
  const files = new Map<string, readonly TreeFile[]>();
  const followed = await follow(t, repo, {
    onCompared: (key, state, changes) => {
      const before = files.get(key) ?? [];
      t.strictSame(
        mergeFiles(before, changes),
        state.files,
        `${key}: the changes lead from the state before to this one`,
      );
      files.set(key, state.files);
      of.set(key, [...(of.get(key) ?? []), state]);
    },
  });
  const want = (...words: string[]): void => {
    followed.tracker.compare(
      words.map((word) => {
        const request = parseComparisonRequest(word);
        if (request === undefined) throw new Error(word);
        return { request };
      }),
    );
  };
  want(...words);
  return Object.assign(followed, { of, want });
}

const last = ({ of }: Compared, key = "base"): TreeState | undefined => of.get(key)?.at(-1);

/** Waits until a comparison is what git says of this base. */
async function untilCompared(followed: Compared, repo: TestRepo, base: string, key = "base"): Promise<TreeState> {
  const expected = expectedDiff(repo.root, { base }).toString();
  const head = repo.git("rev-parse", "HEAD");
  return until(
    `${key} as git has it`,
    () => {
      const state = last(followed, key);
      return textOf(state) === expected && state?.head === head ? state : undefined;
    },
    { deadlineMs: 10_000, seen: () => ({ compared: textOf(last(followed, key)), expected }) },
  );
}

const baseOf = (repo: TestRepo, ref = "origin/main"): string => repo.git("merge-base", "HEAD", ref);

t.test("committed work stays in view while files are edited, staged and committed", async (t) => {
  const { repo } = featureClone(t);
  const followed = await compared(t, repo, "base");
  const first = await untilCompared(followed, repo, baseOf(repo));
  t.match(first.compared?.meta, { kind: "base", base_ref: "origin/main", base_oid: baseOf(repo), ahead: 1, behind: 0 });
  t.match(first.compared?.commits, [{ subject: "one", files: 1, additions: 1, deletions: 1 }]);
  t.strictSame(
    first.files.map(({ key, committed }) => [key, committed]),
    [["t:a", true]],
  );
  t.strictSame(followed.tracker.state?.files, [], "HEAD's diff is empty");

  repo.write("a", lines(9).replace("line 2", "second").replace("line 7", "seventh"));
  repo.write("new", "1\n");
  const edited = await untilCompared(followed, repo, baseOf(repo));
  t.strictSame(
    edited.files.map(({ key, committed }) => [key, committed]),
    [
      ["t:a", false],
      ["u:new", undefined],
    ],
  );
  t.equal(edited.compared, first.compared, "nothing of the history is found anew");

  repo.git("mv", "moved", "elsewhere");
  await untilCompared(followed, repo, baseOf(repo));
  repo.commit("two");
  const committed = await untilCompared(followed, repo, baseOf(repo));
  t.strictSame(
    committed.files.map(({ key, committed }) => [key, committed]),
    [
      ["t:a", true],
      ["t:elsewhere", true],
      ["t:new", true],
    ],
  );
  t.match(committed.compared, { meta: { ahead: 2 }, commits: [{ subject: "two" }, { subject: "one" }] });

  repo.write("a", lines(9));
  const reverted = await untilCompared(followed, repo, baseOf(repo));
  t.notOk(
    reverted.files.some(({ key }) => key === "t:a"),
    "what was changed back is in no diff",
  );
});

t.test("what moves the base moves the comparison", async (t) => {
  const { repo, origin } = featureClone(t);
  const followed = await compared(t, repo, "base");
  await untilCompared(followed, repo, baseOf(repo));
  const steps: [name: string, step: () => void, ref?: string][] = [
    [
      "a fetch alone",
      () => {
        origin.write("later", "1\n");
        origin.commit("later");
        repo.git("fetch", "-q");
      },
    ],
    ["a rebase", () => repo.git("rebase", "-q", "origin/main")],
    [
      "an amended commit",
      () => {
        repo.write("b", "2\n");
        repo.git("commit", "-qa", "--amend", "-m", "amended");
      },
    ],
    ["a switch to another branch", () => repo.git("checkout", "-q", "--no-track", "-b", "other", "origin/main")],
    [
      "one commit there",
      () => {
        repo.write("other", "1\n");
        repo.commit("on other");
      },
    ],
    ["gh-merge-base", () => repo.git("config", "branch.other.gh-merge-base", "feature"), "feature"],
    [
      "a commit on that base, merged",
      () => {
        repo.git("checkout", "-q", "feature");
        repo.write("b", "3\n");
        repo.commit("on feature");
        repo.git("checkout", "-q", "other");
        repo.git("merge", "-q", "-m", "merge", "feature");
      },
      "feature",
    ],
    ["that setting gone", () => repo.git("config", "--unset", "branch.other.gh-merge-base")],
    ["packed refs", () => repo.git("pack-refs", "--all")],
    [
      "origin/HEAD moved",
      () => {
        origin.git("branch", "develop", "main~1");
        repo.git("fetch", "-q");
        repo.git("remote", "set-head", "origin", "develop");
      },
      "origin/develop",
    ],
    ["a detached HEAD", () => repo.git("checkout", "-q", "--detach"), "origin/develop"],
  ];
  for (const [name, step, ref = "origin/main"] of steps) {
    step();
    const expected = baseOf(repo, ref);
    const state = await untilCompared(followed, repo, expected);
    await until(`${name}: the base`, () => last(followed)?.compared?.meta.base_oid === expected);
    t.equal(state.compared?.meta.reason, undefined, name);
  }
  const [ahead, behind] = repo
    .git("rev-list", "--left-right", "--count", "HEAD...origin/develop")
    .split("\t")
    .map(Number);
  t.match(last(followed)?.compared?.meta, { ahead, behind, base_ref: "origin/develop" });
});

t.test("several comparisons come of one tree, and cost nothing when nobody wants them", async (t) => {
  const { repo } = featureClone(t);
  repo.git("tag", "start", "HEAD~1");
  const oid = repo.git("rev-parse", "HEAD");
  const followed = await compared(t, repo, "base", "ref:start", `commit:${oid}`, "ref:nowhere");
  await untilCompared(followed, repo, "start", "ref:start");
  await untilCompared(followed, repo, baseOf(repo));
  t.equal(textOf(last(followed, `commit:${oid}`)), expectedTreeDiff(repo.root, "HEAD~1", "HEAD").toString());
  t.match(last(followed, "ref:nowhere")?.compared?.meta, { kind: "head", reason: /nowhere/ });
  repo.write("untracked", "1\n");
  await untilCompared(followed, repo, "start", "ref:start");
  await untilCompared(followed, repo, "HEAD", "ref:nowhere");
  t.equal(followed.of.get(`commit:${oid}`)?.length, 1, "a commit does not change");
  repo.git("branch", "nowhere", "start");
  const found = await untilCompared(followed, repo, "start", "ref:nowhere");
  t.match(found.compared?.meta, { kind: "ref", base_ref: "nowhere" });
  followed.want("ref:start");
  const count = followed.of.get("base")?.length;
  repo.write("untracked", "2\n");
  await untilCompared(followed, repo, "start", "ref:start");
  t.equal(followed.of.get("base")?.length, count, "it is not made any more");
  followed.want("ref:start", "base");
  await untilCompared(followed, repo, baseOf(repo));
});

t.test("a rebase is one step to a comparison, as it is to HEAD's diff", async (t) => {
  const { repo, origin } = featureClone(t);
  for (const name of ["two", "three", "four"]) {
    repo.write(name, `${name}\n`);
    repo.commit(name);
  }
  origin.write("later", "1\n");
  origin.commit("later");
  repo.git("fetch", "-q");
  const followed = await compared(t, repo, "base");
  const before = await untilCompared(followed, repo, baseOf(repo));
  const count = followed.of.get("base")?.length ?? 0;
  repo.git("rebase", "-q", "origin/main");
  const after = await untilCompared(followed, repo, baseOf(repo));
  t.strictSame(after.files, before.files, "the same work");
  const states = followed.of.get("base")?.slice(count) ?? [];
  t.ok(
    states.every(({ compared }) => (compared?.commits.length ?? 0) === 4),
    "nothing of the way is seen",
  );
});

t.test("a tree that goes and returns is compared again", async (t) => {
  const { repo } = featureClone(t);
  const followed = await compared(t, repo, "base");
  await untilCompared(followed, repo, baseOf(repo));
  repo.move(".git", "away");
  await until("the tree is gone", () => followed.gone === 1);
  followed.of.clear();
  repo.move("away", ".git");
  await until("the tree is back", () => followed.tracker.state !== undefined);
  repo.write("new", "1\n");
  const expected = expectedDiff(repo.root, { base: baseOf(repo) }).toString();
  await until("the comparison is back", () => textOf(last(followed)) === expected);
});
