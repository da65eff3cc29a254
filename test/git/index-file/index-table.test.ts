import { lstatSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import { IndexTable } from "../../../src/git/index-file/index-table.js";
import type { EntryTable } from "../../../src/git/index-file/types.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

/** Everything that a table says of its entries. */
function described(table: EntryTable, root: string): unknown[] {
  return Array.from({ length: table.count }, (_, at) => [
    table.path(at),
    table.mode(at),
    table.oid(at),
    table.stage(at),
    table.assumeUnchanged(at),
    table.skipWorktree(at),
    table.intentToAdd(at),
    table.provesUnchanged(at, lstatSync(join(root, table.path(at)))),
  ]);
}

for (const version of ["2", "4"]) {
  t.test(`a table of version ${version} says the same in another thread's memory`, async (t) => {
    const names = ["a", "a.b", "a/b", "a/c", "a/d/e", "a/d/f", "a/g", "ab", "b/c", "c"].map((name) => `x${name}`);
    const repo = createRepo(t, Object.fromEntries(names.map((name) => [name.replace(/^xa$/, "w"), `${name}\n`])));
    repo.git("update-index", "--index-version", version);
    repo.git("update-index", "--assume-unchanged", "xc");
    repo.write("new", "x");
    repo.git("add", "-N", "new");
    const table = openRepository(repo.root, GIT_ENV).index();
    const shared = structuredClone(table.share());
    t.same(described(IndexTable.of(shared), repo.root), described(table, repo.root));

    const directory = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);
    const paths = Array.from({ length: table.count }, (_, at) => table.path(at));
    const runs = paths.flatMap((path, at) => {
      const before = paths[at - 1];
      return before === undefined || directory(before) !== directory(path) ? [at] : [];
    });
    t.same([...table.directoryRuns()], runs, "a run begins where the directory is another one");
    t.ok(runs.length > 5);
    t.throws(() => table.mode(table.count), RangeError);
  });
}
