import { join } from "node:path";
import t, { type Test } from "tap";
import { openRepository } from "../../src/git/index.js";
import { type Comparison, type ComparisonHints, resolveComparison } from "../../src/history/index.js";
import { parseComparisonRequest } from "../../src/protocol/index.js";
import { createRepo, GIT_ENV, git, TestRepo } from "../support/repo.js";
import { tempDir } from "../support/temp.js";

function compare(root: string, request = "base", hints: ComparisonHints = {}, previous?: Comparison): Comparison {
  const parsed = parseComparisonRequest(request);
  if (parsed === undefined) throw new Error(`no request: ${request}`);
  return resolveComparison(openRepository(root, GIT_ENV).historySource(), parsed, hints, previous);
}

/** What of a comparison git can say, for a ref that is known to be the right one. */
function byGit(root: string, ref: string): Partial<Comparison> {
  const counts = git(root, "rev-list", "--left-right", "--count", `HEAD...${ref}`).split("\t");
  const [ahead = 0, behind = 0] = counts.map(Number);
  const baseOid = git(root, "merge-base", "HEAD", ref);
  return { baseOid, leftTree: git(root, "rev-parse", `${baseOid}^{tree}`), ahead, behind, rightTree: undefined };
}

function commitTo(repo: TestRepo, branch: string, start?: string): void {
  if (start !== undefined) repo.git("checkout", "-q", "--no-track", "-b", branch, start);
  else repo.git("checkout", "-q", branch);
  repo.write(branch.replaceAll("/", "-"), `${Math.random()}\n`);
  repo.commit(`on ${branch}`);
}

/** A clone on branch `feature`, two commits ahead of `origin/main` and one behind. */
function featureClone(t: Test): TestRepo {
  const origin = createRepo(t, { file: "1\n" });
  origin.git("checkout", "-q", "-b", "develop");
  origin.git("checkout", "-q", "main");
  const repo = new TestRepo(join(tempDir(t), "clone"));
  git(origin.root, "clone", "-q", origin.root, repo.root);
  commitTo(repo, "feature", "main");
  commitTo(repo, "feature");
  origin.write("later", "1\n");
  origin.commit("later");
  repo.git("fetch", "-q");
  return repo;
}

t.test("a branch is compared with the default branch of its remote", async (t) => {
  const repo = featureClone(t);
  t.match(compare(repo.root), { kind: "base", baseRef: "origin/main", ...byGit(repo.root, "origin/main") });
  t.match(compare(repo.root), { ahead: 2, behind: 1 });
  repo.git("remote", "set-head", "origin", "develop");
  t.match(compare(repo.root), { baseRef: "origin/develop", ...byGit(repo.root, "origin/develop") });
  repo.git("pack-refs", "--all");
  t.match(compare(repo.root), { baseRef: "origin/develop", ...byGit(repo.root, "origin/develop") });
});

t.test("what the chat says and gh-merge-base come before, where they are there", async (t) => {
  const repo = featureClone(t);
  commitTo(repo, "parent", "feature~1");
  repo.git("checkout", "-q", "feature");
  repo.git("config", "branch.feature.gh-merge-base", "develop");
  t.match(compare(repo.root), { baseRef: "origin/develop", ...byGit(repo.root, "origin/develop") });
  repo.git("config", "branch.feature.gh-merge-base", "parent");
  t.match(compare(repo.root), { baseRef: "parent", ...byGit(repo.root, "parent") });
  t.match(compare(repo.root, "base", { base: "origin/main" }), { baseRef: "origin/main" });
  t.match(compare(repo.root, "base", { base: "refs/heads/main" }), { baseRef: "main" });
  t.match(compare(repo.root, "base", { base: "nowhere" }), { baseRef: "parent" });
  repo.git("config", "branch.feature.gh-merge-base", "nowhere");
  t.match(compare(repo.root), { baseRef: "origin/main" });
});

t.test("the branch's own remote counts, then the only one, then origin", async (t) => {
  const repo = featureClone(t);
  repo.git("remote", "rename", "origin", "up");
  t.match(compare(repo.root), { baseRef: "up/main" });
  repo.git("remote", "add", "origin", "/nowhere");
  repo.git("update-ref", "refs/remotes/origin/master", "main");
  t.match(compare(repo.root), { baseRef: "origin/master" });
  repo.git("config", "branch.feature.remote", "up");
  t.match(compare(repo.root), { baseRef: "up/main" });
  repo.git("config", "branch.feature.remote", ".");
  t.match(compare(repo.root), { baseRef: "origin/master" });
  repo.git("update-ref", "refs/remotes/origin/main", "main");
  t.match(compare(repo.root), { baseRef: "origin/main" });
});

t.test("the branch's own upstream is not its base", async (t) => {
  const repo = featureClone(t);
  repo.git("push", "-q", "-u", "origin", "feature");
  t.match(compare(repo.root), { baseRef: "origin/main", ahead: 2, behind: 1 });
});

t.test("without a remote, a local branch is the base", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  repo.git("branch", "trunk");
  commitTo(repo, "feature", "main");
  t.match(compare(repo.root), { baseRef: "main", ...byGit(repo.root, "main") });
  repo.git("config", "init.defaultBranch", "trunk");
  t.match(compare(repo.root), { baseRef: "trunk", ...byGit(repo.root, "trunk") });
  repo.git("config", "--unset", "init.defaultBranch");
  repo.git("branch", "-m", "main", "master");
  t.match(compare(repo.root), { baseRef: "master", ...byGit(repo.root, "master") });
  repo.git("branch", "-D", "master");
  t.match(compare(repo.root), { kind: "head", problem: "no-base", baseOid: "", ahead: 0, behind: 0 });
});

t.test("the default branch is compared with its upstream, or not at all", async (t) => {
  const repo = featureClone(t);
  commitTo(repo, "main");
  t.match(compare(repo.root), { kind: "base", baseRef: "origin/main", ...byGit(repo.root, "origin/main"), ahead: 1 });
  repo.git("config", "branch.main.merge", "refs/heads/develop");
  t.match(compare(repo.root), { baseRef: "origin/develop" });
  repo.git("config", "branch.main.remote", ".");
  repo.git("config", "branch.main.merge", "refs/heads/feature");
  t.match(compare(repo.root), { baseRef: "feature", ...byGit(repo.root, "feature") });
  repo.git("config", "--unset", "branch.main.merge");
  t.match(compare(repo.root), { kind: "head", problem: "default-branch", reason: /default branch/ });
  const alone = createRepo(t, { file: "1\n" });
  t.match(compare(alone.root), { kind: "head", problem: "default-branch" });
});

t.test("a detached HEAD is a branch without settings", async (t) => {
  const repo = featureClone(t);
  repo.git("config", "branch.feature.gh-merge-base", "develop");
  repo.git("checkout", "-q", "--detach");
  t.match(compare(repo.root), { kind: "base", baseRef: "origin/main", ...byGit(repo.root, "origin/main") });
});

t.test("a branch without commits is compared with the empty tree", async (t) => {
  const repo = featureClone(t);
  repo.git("checkout", "-q", "--orphan", "new");
  const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
  t.match(compare(repo.root), { kind: "head", problem: "unborn", leftTree: emptyTree });
  t.match(compare(repo.root, "head"), { kind: "head", leftTree: emptyTree });
});

t.test("HEAD itself asks for nothing", async (t) => {
  const repo = featureClone(t);
  const found = compare(repo.root, "head");
  t.match(found, { kind: "head", leftTree: repo.git("rev-parse", "HEAD^{tree}"), watchPaths: [] });
  t.notOk("reason" in found);
});

t.test("unrelated histories have no common ancestor", async (t) => {
  const repo = featureClone(t);
  repo.git("checkout", "-q", "--orphan", "island");
  repo.commit("island");
  t.match(compare(repo.root), { kind: "head", problem: "no-common-ancestor", reason: "no common ancestor" });
});

t.test("the end of a shallow clone is said, where it comes first", async (t) => {
  const repo = featureClone(t);
  const shallow = join(tempDir(t), "shallow");
  const args = ["-q", "--depth=1", "--no-single-branch", `file://${repo.root}`, shallow];
  git(repo.root, "clone", ...args);
  t.match(compare(shallow, "ref:origin/main"), { kind: "head", problem: "cut-off", reason: /cut off/ });
  git(shallow, "fetch", "-q", "--depth=10");
  t.match(compare(shallow, "ref:origin/main"), { kind: "ref", ...byGit(shallow, "origin/main") });
  t.match(compare(shallow, "commit:HEAD".replace("HEAD", git(shallow, "rev-parse", "HEAD"))), { kind: "commit" });
});

t.test("a tree that a partial clone has not fetched is said, and not fetched", async (t) => {
  const repo = featureClone(t);
  repo.git("config", "uploadpack.allowFilter", "true");
  const partial = join(tempDir(t), "partial");
  git(repo.root, "clone", "-q", "--filter=tree:0", `file://${repo.root}`, partial);
  const objects = (): string => git(partial, "count-objects", "-v");
  const before = objects();
  const found = compare(partial, "ref:HEAD~1".replace("HEAD~1", "origin/main"));
  t.match(found, { kind: "head", problem: "unreadable", reason: /has not fetched/ });
  t.equal(objects(), before);
});

t.test("a ref is found as git finds it, and its tag peeled", async (t) => {
  const repo = featureClone(t);
  repo.git("tag", "-a", "-m", "one", "v1", "origin/main");
  repo.git("tag", "-a", "-m", "two", "v2", "v1");
  repo.git("tag", "main", "feature~1");
  const names = ["v1", "v2", "main", "heads/main", "refs/heads/main", "origin/main", "remotes/origin/main", "origin"];
  for (const name of [...names, "feature", "HEAD", "@", repo.git("rev-parse", "main"), "refs/tags/v2"]) {
    t.match(compare(repo.root, `ref:${name}`), { kind: "ref", ...byGit(repo.root, name) }, name);
  }
  t.match(compare(repo.root, "ref:nowhere"), { kind: "head", problem: "no-such-ref", reason: /^nowhere: / });
  repo.git("tag", "blob", "HEAD:file");
  t.match(compare(repo.root, "ref:blob"), { kind: "head", problem: "no-such-ref" });
  repo.git("symbolic-ref", "refs/heads/link", "refs/heads/main");
  t.match(compare(repo.root, "ref:link"), { kind: "ref", ...byGit(repo.root, "link") });
});

t.test("a commit is compared with its first parent, by its id or the start of it", async (t) => {
  const repo = featureClone(t);
  repo.git("merge", "-q", "-m", "merge", "origin/main");
  const head = repo.git("rev-parse", "HEAD");
  const expected = {
    kind: "commit",
    baseOid: repo.git("rev-parse", "HEAD^1"),
    leftTree: repo.git("rev-parse", "HEAD^1^{tree}"),
    rightTree: repo.git("rev-parse", "HEAD^{tree}"),
  };
  t.match(compare(repo.root, `commit:${head}`), expected);
  t.match(compare(repo.root, `commit:${head.slice(0, 10)}`), expected);
  repo.git("gc", "-q");
  t.match(compare(repo.root, `commit:${head.slice(0, 10)}`), expected, "packed");
  const root = repo.git("rev-list", "--max-parents=0", "HEAD");
  t.match(compare(repo.root, `commit:${root}`), { kind: "commit", baseOid: "", leftTree: /^4b825dc/ });
  t.match(compare(repo.root, "commit:dead"), { kind: "head", problem: "no-such-commit" });
  t.match(compare(repo.root, `commit:${"0".repeat(40)}`), { kind: "head", problem: "unreadable" });
  t.match(compare(repo.root, `commit:${repo.git("rev-parse", "HEAD:file")}`), { problem: "no-such-commit" });
});

t.test("a linked working tree has its own HEAD, and the refs of all", async (t) => {
  const repo = featureClone(t);
  const linked = join(tempDir(t), "linked");
  repo.git("worktree", "add", "-q", "-b", "other", linked, "origin/main");
  git(linked, "commit", "-q", "--allow-empty", "-m", "one");
  t.match(compare(linked), {
    kind: "base",
    baseRef: "origin/main",
    ...byGit(linked, "origin/main"),
    ahead: 1,
    behind: 0,
  });
  t.match(compare(linked, "ref:feature"), { kind: "ref", ...byGit(linked, "feature") });
});

t.test("a repository of SHA-256 says that it is one", async (t) => {
  const root = tempDir(t);
  git(root, "init", "-q", "-b", "main", "--object-format=sha256");
  git(root, "commit", "-q", "--allow-empty", "-m", "one");
  git(root, "checkout", "-q", "-b", "feature");
  t.match(compare(root), { kind: "head", problem: "sha256", reason: /SHA-256/ });
  t.match(compare(root, "head"), { kind: "head", leftTree: git(root, "rev-parse", "HEAD^{tree}") });
});

t.test("what was found is kept until HEAD, the base's commit or the history of these changes", async (t) => {
  const repo = featureClone(t);
  const first = compare(repo.root);
  t.equal(compare(repo.root, "base", {}, first), first);
  repo.write("file", "edited\n");
  repo.git("update-ref", "refs/heads/unrelated", "HEAD");
  t.equal(compare(repo.root, "base", {}, first), first);
  repo.commit("one more");
  const second = compare(repo.root, "base", {}, first);
  t.match(second, { ahead: 3, behind: 1 });
  repo.git("update-ref", "refs/remotes/origin/main", "HEAD~1");
  t.match(compare(repo.root, "base", {}, second), { ahead: 1, behind: 0 });
  repo.git("update-ref", "refs/remotes/origin/main", second.excluded);
  repo.git("replace", "--graft", "HEAD", "main");
  t.match(compare(repo.root, "base", {}, second), { ahead: 1, behind: 1 });
});

t.test("every file that decides the comparison is named", async (t) => {
  const repo = featureClone(t);
  const below = (found: Comparison): string[] => found.watchPaths.map((path) => path.replace(`${repo.root}/.git/`, ""));
  const refs = "refs/remotes/origin";
  t.same(below(compare(repo.root)).sort(), ["info/grafts", `${refs}/HEAD`, `${refs}/main`, "refs/replace/", "shallow"]);
  t.ok(below(compare(repo.root, "ref:nowhere")).includes("refs/heads/nowhere"), "those that are not there, too");
});
