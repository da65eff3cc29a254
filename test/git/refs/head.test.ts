import { symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import { createRepo, git, type TestRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

/** `path → mode oid of HEAD` wherever HEAD and the index differ, as git says it. */
function differencesByGit(repo: TestRepo, base = "HEAD"): Map<string, string> {
  const words = Buffer.from(repo.git("diff-index", "--cached", "--no-renames", "--abbrev=64", "-z", base, "--"));
  const parts = words.toString("latin1").split("\0").filter(Boolean);
  const result = new Map<string, string>();
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [mode = "", , oid = ""] = (parts[at] ?? "").slice(1).split(" ");
    result.set(parts[at + 1] ?? "", /^0+$/.test(oid) ? "-" : `${mode} ${oid}`);
  }
  return result;
}

async function differences(repo: TestRepo): Promise<Map<string, string>> {
  const repository = openRepository(repo.root);
  const found = repository.headDifferences(repository.index(), repository.head().tree);
  return new Map(
    [...found].map(([path, entry]) => [
      path,
      entry === undefined ? "-" : `${entry.mode.toString(8).padStart(6, "0")} ${entry.oid}`,
    ]),
  );
}

t.test("HEAD's differences from the index are git's, loose and packed", async (t) => {
  const files: Record<string, string> = { top: "1\n", "same/x": "x\n", "same/deep/y": "y\n", "a/b": "b\n", f: "f\n" };
  for (let at = 0; at < 40; at += 1) files[`many/d${at % 5}/f${at}`] = `${at}\n`;
  const repo = createRepo(t, files);
  t.same(await differences(repo), new Map());
  for (const packed of [false, true]) {
    repo.write("many/d1/f1", `changed ${packed}\n`);
    repo.write("new/file", "n\n");
    repo.git("rm", "-q", "--cached", "--ignore-unmatch", "many/d2/f2", "a/b");
    repo.remove("a");
    repo.write("a", "a file where a directory was\n");
    repo.remove("f");
    repo.write("f/g", "a directory where a file was\n");
    repo.git("add", "-A");
    repo.git("rm", "-q", "--cached", "many/d2/f7");
    t.same(await differences(repo), differencesByGit(repo));
    repo.git("commit", "-qm", "next");
    t.same(await differences(repo), differencesByGit(repo));
    repo.git("gc", "-q", "--prune=now");
    repo.git("reset", "-q", "--hard", "HEAD~1");
    t.same(await differences(repo), new Map());
  }
});

t.test("an index without a cached tree gives the same differences", async (t) => {
  const repo = createRepo(t, { "a/b": "1\n", "a/c": "2\n", d: "3\n" });
  unlinkSync(join(repo.root, ".git/index"));
  repo.git("add", "d");
  repo.write("d", "4\n");
  repo.git("add", "d");
  t.same(await differences(repo), differencesByGit(repo));
});

t.test("unmerged paths are always different", async (t) => {
  const repo = createRepo(t, { file: "base\n", "z/last": "z\n" });
  repo.git("checkout", "-q", "-b", "other");
  repo.write("file", "theirs\n");
  repo.commit();
  repo.git("checkout", "-q", "main");
  repo.write("file", "ours\n");
  repo.commit();
  t.throws(() => repo.git("merge", "other"));
  t.same([...(await differences(repo)).keys()], ["file"]);
});

t.test("HEAD is read on a branch, detached, packed, unborn, and as a symbolic link", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const commit = repo.git("rev-parse", "HEAD");
  const tree = repo.git("rev-parse", "HEAD^{tree}");
  const repository = openRepository(join(repo.root, "file"));
  t.same(repository.head(), { branch: "main", commit, tree });
  repo.git("checkout", "-q", "-b", "feature/ü");
  t.same(repository.head(), { branch: "feature/ü", commit, tree });
  repo.git("pack-refs", "--all");
  t.same(repository.head(), { branch: "feature/ü", commit, tree });
  unlinkSync(join(repo.root, ".git/HEAD"));
  symlinkSync("refs/heads/main", join(repo.root, ".git/HEAD"));
  t.same(repository.head(), { branch: "main", commit, tree });
  repo.git("checkout", "-q", "--detach");
  t.same(repository.head(), { branch: "", commit, tree });
  repo.git("checkout", "-q", "--orphan", "new");
  t.same(repository.head(), {
    branch: "new",
    commit: undefined,
    tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  });
});

t.test("a linked worktree has its own HEAD and index and the shared objects and refs", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const linked = join(tempDir(t), "linked");
  repo.git("worktree", "add", "-q", "-b", "side", linked);
  writeFileSync(join(linked, "file"), "2\n");
  git(linked, "commit", "-qam", "second");
  const repository = openRepository(linked);
  t.equal(repository.root, linked);
  t.equal(repository.gitDir, join(repo.root, ".git/worktrees/linked"));
  t.equal(repository.commonDir, join(repo.root, ".git"));
  const head = repository.head();
  t.equal(head.branch, "side");
  t.equal(head.commit, git(linked, "rev-parse", "HEAD"));
  t.equal(repository.index().oid(0), git(linked, "rev-parse", "HEAD:file"));
  t.equal(openRepository(repo.root).head().branch, "main");
});

t.test("HEAD leads to a branch by as many names as git follows, and no more", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  repo.git("symbolic-ref", "refs/heads/name1", "refs/heads/main");
  for (let at = 2; at <= 4; at++) repo.git("symbolic-ref", `refs/heads/name${at}`, `refs/heads/name${at - 1}`);
  const commit = repo.git("rev-parse", "main");
  repo.git("symbolic-ref", "HEAD", "refs/heads/name3");
  t.equal(openRepository(repo.root).head().commit, repo.git("rev-parse", "HEAD"));
  t.equal(openRepository(repo.root).head().commit, commit);
  repo.git("symbolic-ref", "HEAD", "refs/heads/name4");
  t.throws(() => repo.git("rev-parse", "--verify", "-q", "HEAD"));
  t.throws(() => openRepository(repo.root).head(), { code: "TW_CORRUPT_REPOSITORY", message: /too deep/ });
});
