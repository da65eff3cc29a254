import { readdirSync } from "node:fs";
import t from "tap";
import { type IndexFile, openRepository } from "../../../src/git/index.js";
import { DirectoryCheck, UNCHANGED } from "../../../src/worktree/scan/directory-check.js";
import { IndexTree } from "../../../src/worktree/scan/index-tree.js";
import { createRepo, type TestRepo } from "../../support/repo.js";
import type { Cleanup } from "../../support/temp.js";

const FILES = ["dir/a", "dir/b", "dir/sub/c"];

function unchangedRepo(t: Cleanup): TestRepo {
  const repo = createRepo(t, Object.fromEntries(FILES.map((path) => [path, path])));
  for (const path of FILES) repo.touch(path, 1_700_000_000);
  repo.git("update-index", "-q", "--refresh");
  return repo;
}

/** @returns whether `dir` is unchanged, and what is proven of each of its entries */
async function check({ root }: TestRepo): Promise<[boolean, number[]]> {
  const index: IndexFile = (await openRepository(root)).index();
  const directory = new IndexTree(index).get("dir");
  if (directory === undefined) throw new Error("dir is not tracked");
  const { path, runs, children } = directory;
  const unchangedEntries = new Uint8Array(index.count);
  const result = new DirectoryCheck(root, index, unchangedEntries).isUnchanged({
    path,
    runs,
    children: children.length,
  });
  return [result, [...unchangedEntries]];
}

t.test("a directory is unchanged when its files are proven so and there is nothing else in it", async (t) => {
  t.strictSame(await check(unchangedRepo(t)), [true, [UNCHANGED, UNCHANGED, 0]]);
});

const changes: readonly [string, (repo: TestRepo) => void, number[]][] = [
  ["a file of another size", (repo) => repo.write("dir/a", "longer than before"), [0, UNCHANGED, 0]],
  ["a file that is gone", (repo) => repo.remove("dir/b"), [UNCHANGED, 0, 0]],
  ["one name more", (repo) => repo.write("dir/new", ""), [UNCHANGED, UNCHANGED, 0]],
  ["a directory that is gone", (repo) => repo.remove("dir/sub"), [UNCHANGED, UNCHANGED, 0]],
  ["a directory that is gone altogether", (repo) => repo.remove("dir"), [0, 0, 0]],
];
for (const [what, change, proven] of changes) {
  t.test(`a directory is not unchanged with ${what}`, async (t) => {
    const repo = unchangedRepo(t);
    change(repo);
    t.strictSame(await check(repo), [false, proven]);
  });
}

t.test("a directory with attributes is never taken for unchanged: they have to be known", async (t) => {
  const repo = unchangedRepo(t);
  repo.write("dir/.gitattributes", "* text\n");
  repo.commit();
  repo.touch("dir/.gitattributes", 1_700_000_000);
  repo.git("update-index", "-q", "--refresh");
  t.strictSame(readdirSync(`${repo.root}/dir`).sort(), [".gitattributes", "a", "b", "sub"]);
  t.strictSame(await check(repo), [false, [0, UNCHANGED, UNCHANGED, 0]]);
});

t.test("the root's own .git does not count", async (t) => {
  const repo = unchangedRepo(t);
  const index = (await openRepository(repo.root)).index();
  const directory = { path: "", runs: [], children: 1 };
  t.ok(new DirectoryCheck(repo.root, index).isUnchanged(directory));
  repo.write("another", "");
  t.notOk(new DirectoryCheck(repo.root, index).isUnchanged(directory));
});
