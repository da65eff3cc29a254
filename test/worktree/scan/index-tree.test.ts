import t from "tap";
import { type IndexFile, openRepository } from "../../../src/git/index.js";
import { changedEntries, IndexTree } from "../../../src/worktree/scan/index-tree.js";
import fc from "../../support/fast-check.js";
import { createRepo, type TestRepo } from "../../support/repo.js";

/** An index with these paths, whose entries have a blob by number. */
function indexWith(repo: TestRepo, entries: ReadonlyMap<string, number>): IndexFile {
  repo.git("read-tree", "--empty");
  const names = [...entries].map(([path, blob]) => `100644,${String(blob).padStart(40, "0")},${path}`);
  if (names.length > 0) repo.git("update-index", "--add", ...names.flatMap((name) => ["--cacheinfo", name]));
  return openRepository(repo.root).index();
}

const path = fc
  .array(fc.constantFrom("a", "b", "a.b", "a-b"), { minLength: 1, maxLength: 4 })
  .map((names) => names.join("/"));
/** Paths of which none is a directory of another. */
const entries = fc
  .array(fc.tuple(path, fc.integer({ min: 1, max: 2 })), { maxLength: 12 })
  .map((pairs) => new Map(pairs.filter(([one]) => !pairs.some(([other]) => other.startsWith(`${one}/`)))));

t.test("each tracked path stands in its directory, and each directory in its own", async (t) => {
  const repo = createRepo(t);
  await fc.assert(
    fc.asyncProperty(entries, async (entries) => {
      const index = await indexWith(repo, entries);
      const tree = new IndexTree(index);
      const found = tree.directories.flatMap((directory) => {
        t.equal(tree.get(directory.path), directory);
        t.ok(directory.path === "" || directory.parent?.children.includes(directory));
        const prefix = directory.path === "" ? "" : `${directory.path}/`;
        return [...directory.files()].map(([name, position]) => {
          t.equal(index.path(position), prefix + name);
          return prefix + name;
        });
      });
      t.strictSame(found.sort(), [...entries.keys()].sort());
      for (const { path } of tree.directories)
        t.ok(path === "" || [...entries.keys()].some((one) => one.startsWith(path)));
    }),
    { numRuns: 25 },
  );
});

t.test("parents stand before what is below them", async (t) => {
  const index = await indexWith(
    createRepo(t),
    new Map([
      ["x/y/z/f", 1],
      ["x/y-z/f", 1],
      ["a", 1],
    ]),
  );
  t.strictSame(
    new IndexTree(index).directories.map(({ path }) => path),
    ["", "x", "x/y-z", "x/y", "x/y/z"],
  );
});

t.test("the entries that differ between two indexes are those that a comparison by path finds", async (t) => {
  const repo = createRepo(t);
  await fc.assert(
    fc.asyncProperty(entries, entries, async (one, other) => {
      const changed = changedEntries(await indexWith(repo, one), await indexWith(repo, other));
      const paths = new Set([...one.keys(), ...other.keys()]);
      t.strictSame(changed.sort(), [...paths].filter((path) => one.get(path) !== other.get(path)).sort());
    }),
    { numRuns: 25 },
  );
});

t.test("an unmerged path is one file, at its first stage", async (t) => {
  const repo = createRepo(t, { "dir/f": "base" });
  repo.git("checkout", "-q", "-b", "side");
  repo.write("dir/f", "side");
  repo.commit();
  repo.git("checkout", "-q", "main");
  repo.write("dir/f", "main");
  repo.commit();
  t.throws(() => repo.git("merge", "-q", "side"));
  const index = (await openRepository(repo.root)).index();
  t.equal(index.count, 3);
  t.strictSame([...(new IndexTree(index).get("dir")?.files() ?? [])], [["f", 0]]);
});

t.test("a path is known in any case of its ASCII letters", async (t) => {
  const index = await indexWith(createRepo(t), new Map([["Dir/File", 1]]));
  const tree = new IndexTree(index);
  t.ok(tree.hasInAnyCase("dir/fILE"));
  t.notOk(tree.hasInAnyCase("dir"));
});
