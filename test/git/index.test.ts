import { lstatSync, utimesSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../src/git/index.js";
import type { IndexFile } from "../../src/git/types.js";
import { createRepo, type TestRepo } from "../support/repo.js";

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
    const index = (await openRepository(repo.root)).index();
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
  const repository = await openRepository(repo.root);
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
  const index = (await openRepository(repo.root)).index();
  t.notOk(index.provesUnchanged(0, lstatSync(join(repo.root, "file"))));
});

t.test("the index is the same object until git replaces the file", async (t) => {
  const repo = createRepo(t, { file: "one\n" });
  const repository = await openRepository(repo.root);
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
  const repository = await openRepository(repo.root);
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
  const index = (await openRepository(repo.root)).index();
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
  const index = (await openRepository(repo.root)).index();
  t.same(staged(index), stagedByGit(repo));
  t.equal(index.stage(index.find("file")), 1);
  t.ok(index.assumeUnchanged(index.find("kept")));
  t.notOk(index.skipWorktree(index.find("kept")));
  t.ok(index.skipWorktree(index.find("skipped")));
});
