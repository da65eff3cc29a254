import t from "tap";
import { colorsFor, formatStat } from "../../src/util/index.js";
import fc from "../support/fast-check.js";
import { filesOf } from "../support/patches.js";
import { createRepo, type TestRepo } from "../support/repo.js";

const plain = colorsFor({ isTTY: false });

/** What we make of git's diff, and git's own table. */
function tables(repo: TestRepo, width: number): { ours: string; gits: string } {
  const diff = repo.git("diff", "--full-index", "HEAD");
  const stat = repo.git("diff", `--stat=${width}`, "HEAD");
  return {
    ours: formatStat(filesOf(diff === "" ? "" : `${diff}\n`), width, plain),
    gits: stat === "" ? "" : `${stat}\n`,
  };
}

const lines = (count: number, text: string) => `${text}\n`.repeat(count);

t.test("nothing changed is no line at all", async (t) => {
  t.equal(formatStat([], 80, plain), "");
});

t.test("the table is that of git diff --stat", async (t) => {
  const deep = `${"directory/".repeat(9)}file.txt`;
  const repo = createRepo(t, {
    one: "a\n",
    few: lines(10, "x"),
    many: lines(900, "x"),
    gone: lines(3, "x"),
    mode: "x\n",
    "with space": "x\n",
    ünicode: "x\n",
    'qu"ote': "x\n",
    [deep]: "x\n",
    "old/name.txt": lines(20, "renamed"),
    "a/b/c/d.txt": lines(20, "moved"),
  });
  repo.write("one", "b\n");
  repo.write("few", lines(5, "x") + lines(2, "y"));
  repo.write("many", lines(1, "x") + lines(1100, "z"));
  repo.remove("gone");
  repo.git("update-index", "--chmod=+x", "mode");
  repo.git("config", "core.fileMode", "false");
  for (const name of ["with space", "ünicode", 'qu"ote', deep]) repo.write(name, "x\ny\n");
  repo.git("mv", "old/name.txt", "old/new.txt");
  repo.git("mv", "a/b/c/d.txt", "a/e.txt");
  repo.write("added", "");
  repo.git("add", "added");
  for (const width of [80, 40, 200, 25]) {
    const { ours, gits } = tables(repo, width);
    t.equal(ours, gits, `${width} columns`);
  }
});

t.test("one insertion and one deletion are in the singular, and a side that is 0 is left out", async (t) => {
  const repo = createRepo(t, { a: "1\n2\n3\n" });
  repo.write("a", "1\n2\n3\n4\n");
  t.match(tables(repo, 80).ours, / 1 file changed, 1 insertion\(\+\)\n$/);
  t.equal(tables(repo, 80).ours, tables(repo, 80).gits);
  repo.write("a", "1\n2\n");
  t.match(tables(repo, 80).ours, / 1 file changed, 1 deletion\(-\)\n$/);
  t.equal(tables(repo, 80).ours, tables(repo, 80).gits);
});

t.test("a binary file says so", async (t) => {
  const repo = createRepo(t, { "b.bin": "\0a", text: "1\n" });
  repo.write("b.bin", "\0b");
  repo.write("text", "2\n");
  t.equal(
    tables(repo, 80).ours,
    [" b.bin | Bin", " text  |   2 +-", " 2 files changed, 1 insertion(+), 1 deletion(-)", ""].join("\n"),
  );
});

t.test("colours are put on the graph alone", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  repo.write("a", "2\n");
  const files = filesOf(`${repo.git("diff", "HEAD")}\n`);
  t.match(formatStat(files, 80, colorsFor({ isTTY: true }, {})), " a | 2 \x1b[32m+\x1b[39m\x1b[31m-\x1b[39m\n");
});

t.test("any counts, names and widths are laid out as git does", async (t) => {
  const repo = createRepo(t);
  const name = fc.stringMatching(/^[a-c]{1,3}(\/[a-c]{1,12}){0,6}$/);
  const change = fc.record({ name, before: fc.nat(400), after: fc.nat(400) });
  const property = fc.property(
    fc.array(change, { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 20, max: 120 }),
    (changes, width) => {
      repo.git("read-tree", "--empty");
      repo.git("clean", "-qfdx");
      // a name that is another's directory cannot be a file
      const usable = changes.filter(({ name }, at) =>
        changes.every(
          (other, position) => !other.name.startsWith(`${name}/`) && (other.name !== name || position >= at),
        ),
      );
      for (const { name, before } of usable) repo.write(name, lines(before, "old"));
      repo.commit();
      for (const { name, before, after } of usable) repo.write(name, lines(before % 7, "old") + lines(after, "new"));
      const { ours, gits } = tables(repo, width);
      return ours === gits;
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 40 }));
});
