import { join } from "node:path";
import t from "tap";
import { type RepositoryChange, serverMessageSchema } from "../../src/protocol/index.js";
import { samples } from "../secrets/samples.js";
import { expectedDiff, expectedTreeDiff } from "../support/git-oracle.js";
import { runProgram } from "../support/program.js";
import { SEED } from "../support/random.js";
import { createRepo, git, TestRepo } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";

const lines = (count: number, text = "line") => Array.from({ length: count }, (_, at) => `${text} ${at}\n`).join("");

/** A clone on branch `feature`, whose main branch has moved on: committed, staged, unstaged and untracked work. */
function featureClone(t: Cleanup): TestRepo {
  const origin = createRepo(t, { kept: "1\n", moved: lines(20), gone: "1\n", both: lines(9) });
  const repo = new TestRepo(join(tempDir(t), "clone"));
  git(origin.root, "clone", "-q", origin.root, repo.root);
  origin.write("later", "1\n");
  origin.commit("later");
  repo.git("fetch", "-q");
  repo.git("checkout", "-q", "--no-track", "-b", "feature", "main");
  repo.write("both", lines(9).replace("line 2", "second"));
  repo.git("mv", "moved", "renamed");
  repo.commit("one");
  repo.git("rm", "-q", "gone");
  repo.write("new", "another\n");
  repo.commit("two\n\nwith a body");
  repo.write("both", lines(9).replace("line 2", "second").replace("line 7", "seventh"));
  repo.write("staged", "1\n");
  repo.git("add", "staged");
  repo.write("untracked", "1\n");
  return repo;
}

const once = (t: Cleanup, repo: TestRepo, ...args: string[]) => runProgram(t, "agent", ["--once", ...args, repo.root]);

async function entryOf(t: Cleanup, repo: TestRepo, ...args: string[]): Promise<RepositoryChange> {
  const { stdout } = await once(t, repo, "--format", "json", ...args);
  const message = serverMessageSchema.parse(JSON.parse(stdout));
  const entry = message.type === "changes" ? message.repositories?.[0] : undefined;
  if (entry === undefined) throw new Error(`no repository: ${stdout}`);
  return entry;
}

t.test("a branch is shown with what is committed, as git compares its base with the working tree", async (t) => {
  const repo = featureClone(t);
  const base = repo.git("merge-base", "HEAD", "origin/main");
  const expected = expectedDiff(repo.root, { base });
  for (const compare of ["base", "ref:origin/main", `ref:${base}`]) {
    const { status, output, stderr } = await once(t, repo, "--compare", compare);
    t.equal(output.toString(), expected.toString(), compare);
    t.same([status, stderr], [0, ""], compare);
  }
  const head = await once(t, repo, "--compare", "head");
  t.equal(head.output.toString(), expectedDiff(repo.root).toString());
  const commit = await once(t, repo, "--compare", `commit:${repo.git("rev-parse", "HEAD~1")}`);
  t.equal(commit.output.toString(), expectedTreeDiff(repo.root, "HEAD~2", "HEAD~1").toString());
});

t.test("json says what is compared, and lists the commits with what each has changed", async (t) => {
  const repo = featureClone(t);
  const base = repo.git("merge-base", "HEAD", "origin/main");
  const entry = await entryOf(t, repo, "--compare", "base");
  t.equal(entry.unified_diff, expectedDiff(repo.root, { base }).toString());
  t.same(entry.compare, { kind: "base", base_ref: "origin/main", base_oid: base, ahead: 2, behind: 1 });
  const author = { name: "Test", email: "test@example.com", at: "2026-01-02T03:04:05.000Z" };
  const [two = "", one = ""] = repo.git("rev-list", "-2", "HEAD").split("\n");
  t.same(entry.commits, [
    { oid: two, parents: [one], subject: "two", body: "with a body", author, files: 2, additions: 1, deletions: 1 },
    { oid: one, parents: [base], subject: "one", body: "", author, files: 2, additions: 1, deletions: 1 },
  ]);
  t.equal(entry.commits_truncated, false);
  t.equal(repo.git("diff", "--shortstat", "HEAD~2", "HEAD~1").trim(), "2 files changed, 1 insertion(+), 1 deletion(-)");

  const plain = await entryOf(t, repo);
  t.notOk("compare" in plain || "commits" in plain || "commits_truncated" in plain, "nothing of it without");
  const commit = await entryOf(t, repo, "--compare", `commit:${one.slice(0, 12)}`);
  t.match(commit, { compare: { kind: "commit", base_ref: "", base_oid: base }, commits: [{ oid: one }] });
  t.equal(commit.commits?.length, 1);
});

t.test("stat is git's table, and commits are listed as git log does", async (t) => {
  const repo = featureClone(t);
  repo.remove("untracked");
  const base = repo.git("merge-base", "HEAD", "origin/main");
  t.equal(
    (await once(t, repo, "--compare", "base", "--format", "stat")).stdout,
    `${repo.git("diff", "--stat", base)}\n`,
  );
  const { stdout } = await once(t, repo, "--compare", "base", "--format", "commits");
  t.equal(stdout, `${repo.git("log", "--first-parent", "--format=oneline", "origin/main..HEAD")}\n`);
  const commits = (...args: string[]) => once(t, repo, "--format", "commits", "--exit-code", ...args);
  t.equal((await commits("--compare", "base")).status, 1);
  t.match(await commits("--compare", "head"), { status: 0, stdout: "" });
});

t.test("what is not there is said in one line, with status 2", async (t) => {
  const repo = featureClone(t);
  const fails = async (pattern: RegExp, ...args: string[]): Promise<void> => {
    const { status, stdout, stderr } = await once(t, repo, ...args);
    t.equal(status, 2, args.join(" "));
    t.notMatch(stdout, /diff --git/);
    t.match(stderr, pattern);
    t.equal(stderr.split("\n").length, 2, "one line");
  };
  for (const format of ["diff", "json", "stat", "commits"]) {
    await fails(/nowhere: there is no such ref/, "--compare", "ref:nowhere", "--format", format);
  }
  await fails(/dead: there is no such commit/, "--compare", "commit:dead");
  await fails(new RegExp("0".repeat(40)), "--compare", `commit:${"0".repeat(40)}`);
  await fails(/--compare takes head, base, ref:NAME or commit:OID, not branch/, "--compare", "branch");
});

t.test("where there is no base, HEAD's diff is shown, and why", async (t) => {
  const repo = featureClone(t);
  const shows = async (reason: RegExp): Promise<void> => {
    const { status, output, stderr } = await once(t, repo, "--compare", "base");
    t.equal(output.toString(), expectedDiff(repo.root).toString());
    t.equal(status, 0);
    t.match(stderr, reason);
    const entry = await entryOf(t, repo, "--compare", "base");
    t.match(entry.compare, { kind: "head", base_ref: "", base_oid: "", ahead: 0, behind: 0, reason });
    t.same(entry.commits, []);
  };
  repo.git("stash", "-q", "-u");
  repo.git("checkout", "-q", "--orphan", "island");
  await shows(/nothing is committed yet/);
  repo.commit("island");
  repo.write("new", "more\n");
  await shows(/no common ancestor/);
  repo.git("checkout", "-qf", "--no-track", "-B", "main", "origin/main");
  repo.git("config", "--unset-all", "branch.main.merge");
  await shows(/default branch/);
});

t.test("a redacted comparison hides secrets in files, subjects and bodies", async (t) => {
  const [github] = samples(SEED);
  const token = github?.text ?? "";
  const repo = featureClone(t);
  repo.write("app.ts", `const token = "${token}";\n`);
  repo.write(".env", "PASSWORD=hidden-by-path\n");
  repo.commit(`use ${token}\n\nThe token is ${token}.`);
  for (const format of ["diff", "json", "stat", "commits"]) {
    const { stdout } = await once(t, repo, "--compare", "base", "--format", format, "--redact");
    t.notMatch(stdout, github?.body ?? "no sample", format);
    t.notMatch(stdout, "hidden-by-path", format);
  }
  const shown = await once(t, repo, "--compare", "base", "--format", "json");
  t.ok(shown.stdout.includes(github?.body ?? "no sample"), "they are there without that");
});

/** Node.js before 22 has no compiler between the first and the last, of which the test below is. */
const noMaglev = Number.parseInt(process.versions.node, 10) < 22 && "this Node.js compiles otherwise";

t.test("whatever a thread of V8 does as a look is over, the process ends", { skip: noMaglev }, async (t) => {
  const repo = featureClone(t);
  const args = ["--compare", "base", "--format", "commits", "--redact"];
  for (let count = 0; count < 60; count += 1) t.equal((await once(t, repo, ...args)).status, 0);
});
