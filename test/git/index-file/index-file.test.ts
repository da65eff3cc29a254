import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, lstatSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import type { IndexFile } from "../../../src/git/index-file/types.js";
import { createRepo, GIT_ENV, git, TestRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

/** The index as `git ls-files --stage -z` prints it. */
function staged(index: IndexFile): string[] {
  return Array.from({ length: index.count }, (_, position) => {
    const mode = index.mode(position).toString(8).padStart(6, "0");
    return `${mode} ${index.oid(position)} ${index.stage(position)}\t${index.path(position)}`;
  });
}

function stagedByGit(repo: TestRepo): string[] {
  return Buffer.from(repo.git("ls-files", "--stage", "-z"))
    .toString("latin1")
    .split("\0")
    .filter(Boolean);
}

const FILES = { "a.txt": "a\n", "dir/b": "b\n", "dir/sub/c": "c\n", "dir-x": "d\n", "dir.y": "e\n", "naïve ü": "f\n" };

for (const version of [2, 3, 4]) {
  t.test(`an index of version ${version} lists what git lists`, async (t) => {
    const repo = createRepo(t, FILES);
    repo.write(`${"long/".repeat(900)}x`.slice(0, 3000).replace(/\/[^/]*$/, "/f"), "long\n");
    repo.git("add", "-A");
    repo.git("update-index", "--index-version", String(Math.max(version, 2)));
    if (version === 3) {
      repo.write("later", "x");
      repo.git("add", "-N", "later");
    }
    const index = openRepository(repo.root).index();
    t.equal(index.version, version);
    t.same(staged(index), stagedByGit(repo));
    const position = index.find("dir/sub/c");
    t.equal(index.path(position), "dir/sub/c");
    t.same(
      index
        .range("dir")
        .map((at) => index.path(at))
        .slice(0, 1),
      ["dir/b"],
    );
    t.equal(index.range("dir")[1] - index.range("dir")[0], 2);
    t.ok(index.find("dir/sub/d") < 0);
    if (version === 3) t.ok(index.intentToAdd(index.find("later")));
  });
}

t.test("an entry's stat data prove it unchanged until the file is touched", async (t) => {
  const repo = createRepo(t, { file: "one\n" });
  const path = join(repo.root, "file");
  utimesSync(path, 1_000_000_000, 1_000_000_000);
  repo.git("update-index", "--refresh");
  const repository = openRepository(repo.root);
  const index = repository.index();
  t.ok(index.provesUnchanged(0, lstatSync(path)));
  repo.write("file", "two\n");
  t.notOk(index.provesUnchanged(0, lstatSync(path)));
});

t.test("a file written in the same moment as the index is not taken for unchanged", async (t) => {
  const repo = createRepo(t, { file: "one\n" });
  const future = Date.now() / 1000 + 3600;
  utimesSync(join(repo.root, "file"), future, future);
  repo.git("update-index", "--refresh");
  const index = openRepository(repo.root).index();
  t.notOk(index.provesUnchanged(0, lstatSync(join(repo.root, "file"))));
});

t.test("the index is the same object until git replaces the file", async (t) => {
  const repo = createRepo(t, { file: "one\n" });
  const repository = openRepository(repo.root);
  const first = repository.index();
  t.equal(repository.index(), first);
  for (let round = 0; round < 20; round += 1) {
    repo.write("file", `${round}\n`);
    repo.git("add", "file");
    const now = repository.index();
    t.equal(now.oid(0), repo.git("hash-object", "file"));
    t.equal(repository.index(), now);
  }
});

t.test("equal entries of two versions of the index are told from changed ones", async (t) => {
  const repo = createRepo(t, { a: "1\n", b: "2\n" });
  const repository = openRepository(repo.root);
  const before = repository.index();
  repo.write("a", "changed\n");
  repo.git("add", "a");
  const after = repository.index();
  t.notOk(after.sameEntry(0, before, 0));
  t.ok(after.sameEntry(1, before, 1));
  t.notOk(after.sameEntry(1, before, 0));
});

t.test("a repository without an index has an empty one", async (t) => {
  const repo = createRepo(t);
  const index = openRepository(repo.root).index();
  t.equal(index.count, 0);
  t.equal(index.find("a"), -1);
  t.same(index.range("a"), [0, 0]);
});

t.test("unmerged stages and the marks of entries are seen", async (t) => {
  const repo = createRepo(t, { file: "base\n", kept: "k\n", skipped: "s\n" });
  repo.git("checkout", "-q", "-b", "other");
  repo.write("file", "theirs\n");
  repo.commit();
  repo.git("checkout", "-q", "main");
  repo.write("file", "ours\n");
  repo.commit();
  t.throws(() => repo.git("merge", "other"));
  repo.git("update-index", "--assume-unchanged", "kept");
  repo.git("update-index", "--skip-worktree", "skipped");
  const index = openRepository(repo.root).index();
  t.same(staged(index), stagedByGit(repo));
  t.equal(index.stage(index.find("file")), 1);
  t.ok(index.assumeUnchanged(index.find("kept")));
  t.notOk(index.skipWorktree(index.find("kept")));
  t.ok(index.skipWorktree(index.find("skipped")));
});

t.test("a split index is joined with its shared one", async (t) => {
  for (const version of ["2", "4"]) {
    const files: Record<string, string> = {};
    for (let at = 0; at < 300; at += 1) files[`d${at % 7}/f${at}`] = `${at}\n`;
    const repo = createRepo(t, files);
    repo.git("config", "splitIndex.maxPercentChange", "100");
    repo.git("update-index", "--index-version", version);
    repo.git("update-index", "--split-index");
    const repository = openRepository(repo.root);
    t.same(staged(repository.index()), stagedByGit(repo));
    for (let at = 0; at < 300; at += 3) repo.write(`d${at % 7}/f${at}`, `changed ${at}\n`);
    for (let at = 1; at < 300; at += 5) repo.remove(`d${at % 7}/f${at}`);
    for (let at = 0; at < 40; at += 1) repo.write(`d${at % 9}/new${at}`, `new ${at}\n`);
    repo.git("add", "-A");
    t.ok(readFileSync(join(repo.root, ".git/index")).length < 20_000, "it is split");
    t.same(staged(repository.index()), stagedByGit(repo));
    repo.git("rm", "-q", "--cached", "d0/f0", "d1/f1000", "--ignore-unmatch");
    t.same(staged(repository.index()), stagedByGit(repo));
    for (const name of readdirSync(join(repo.root, ".git"))) if (/^sharedindex/.test(name)) repo.remove(`.git/${name}`);
    const other = openRepository(repo.root);
    t.throws(() => other.index(), { code: "TW_CORRUPT_REPOSITORY", message: /\.git\/index.*sharedindex/ });
  }
});

t.test("a sparse index lists the files of the directories that it leaves out", async (t) => {
  const files: Record<string, string> = { top: "1\n" };
  for (let at = 0; at < 60; at += 1) files[`d${at % 5}/e${at % 3}/f${at}`] = `${at}\n`;
  const repo = createRepo(t, files);
  repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "d1");
  t.ok(repo.git("ls-files", "--sparse").split("\n").includes("d2/"), "it is sparse");
  const repository = openRepository(repo.root);
  const index = repository.index();
  t.same(staged(index), stagedByGit(repo));
  t.ok(index.skipWorktree(index.find("d2/e0/f12")));
  t.notOk(index.skipWorktree(index.find("d1/e0/f6")));
  t.equal(repository.headDifferences(index, repository.head().tree).size, 0);
});

t.test("an index without its checksum is read", async (t) => {
  const repo = createRepo(t, FILES);
  const path = join(repo.root, ".git/index");
  const bytes = readFileSync(path);
  bytes.fill(0, bytes.length - 20);
  writeFileSync(path, bytes);
  t.same(staged(openRepository(repo.root).index()), stagedByGit(repo));
});

t.test("a SHA-256 repository is read in the process", async (t) => {
  const dir = tempDir(t);
  git(dir, "init", "-q", "-b", "main", "--object-format=sha256");
  const repo = new TestRepo(dir);
  repo.write("a/b", "1\n");
  repo.write("c", "2\n");
  repo.commit();
  for (const packed of [false, true]) {
    if (packed) repo.git("gc", "-q");
    const repository = openRepository(dir);
    const index = repository.index();
    t.same(staged(index), stagedByGit(repo));
    t.equal(Buffer.from(repository.readBlob(index.oid(0))).toString(), "1\n");
    const head = repository.head();
    t.equal(head.commit, repo.git("rev-parse", "HEAD"));
    t.equal(repository.headDifferences(index, head.tree).size, 0);
    const clean = await repository.clean("c", lstatSync(join(dir, "c")), undefined);
    t.equal(clean.oid, index.oid(1));
  }
});

t.test("an index that is replaced while it is read is one or the other", async (t) => {
  const repo = createRepo(t, { one: "1\n", two: "2\n" });
  const gitDir = join(repo.root, ".git");
  copyFileSync(join(gitDir, "index"), join(gitDir, "index.a"));
  for (let at = 0; at < 200; at += 1) repo.write(`many/${at}`, `${at}\n`);
  repo.git("add", "-A");
  copyFileSync(join(gitDir, "index"), join(gitDir, "index.b"));
  const counts = [2, 202];
  const replacing = spawn(
    "sh",
    ["-c", "for i in $(seq 60); do for x in a b; do cp index.$x index.lock; mv index.lock index; done; done"],
    { cwd: gitDir, stdio: "ignore" },
  );
  const ended = once(replacing, "exit");
  const repository = openRepository(repo.root, GIT_ENV);
  const seen = new Set<number>();
  while (replacing.exitCode === null) {
    const index = repository.index();
    seen.add(index.count);
    const last = index.path(index.count - 1);
    if (!counts.includes(index.count) || last !== "two") t.fail(`${index.count} entries, the last is ${last}`);
    await new Promise(setImmediate);
  }
  await ended;
  t.equal(repository.index().count, 202);
  t.same([...seen].sort(), counts, "both were seen");
});
