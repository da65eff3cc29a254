import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import { SHA1 } from "../../../src/git/objects/object-id.js";
import { readReplacements, replacementOf } from "../../../src/git/objects/replacements.js";
import { createRepo, GIT_ENV, type TestRepo } from "../../support/repo.js";

const replacedByGit = (repo: TestRepo): string[] => repo.git("replace", "-l", "--format=medium").split("\n").sort();

const replaced = (repo: TestRepo): string[] =>
  [...readReplacements(`${repo.root}/.git`, SHA1)].map(([oid, by]) => `${oid} -> ${by}`).sort();

t.test("the objects that `git replace` replaced are read, loose and packed", async (t) => {
  const repo = createRepo(t, { a: "1\n", b: "2\n", c: "3\n", d: "4\n" });
  const oid = (name: string): string => repo.git("rev-parse", `HEAD:${name}`);
  repo.git("replace", oid("a"), oid("b"));
  repo.git("replace", oid("b"), oid("c"));
  t.same(replaced(repo), replacedByGit(repo));
  repo.git("pack-refs", "--all");
  t.same(replaced(repo), replacedByGit(repo), "packed");
  repo.git("replace", "-f", oid("a"), oid("d"));
  repo.git("replace", "-d", oid("b"));
  t.same(replaced(repo), replacedByGit(repo), "a loose one before a packed one");
  t.equal(replaced(repo).length, 1);
});

t.test("a replaced object is read as git reads it, through replacements of replacements", async (t) => {
  const repo = createRepo(t, { a: "1\n", b: "2\n", c: "3\n" });
  const oid = (name: string): string => repo.git("rev-parse", `HEAD:${name}`);
  const read = (environment: NodeJS.ProcessEnv): string =>
    Buffer.from(openRepository(repo.root, environment).readBlob(oid("a"))).toString();
  repo.git("replace", oid("a"), oid("b"));
  repo.git("replace", oid("b"), oid("c"));
  t.equal(read(GIT_ENV), `${repo.git("cat-file", "blob", oid("a"))}\n`);
  t.equal(read(GIT_ENV), "3\n");
  t.equal(read({ ...GIT_ENV, GIT_NO_REPLACE_OBJECTS: "1" }), "1\n");
  repo.git("config", "core.useReplaceRefs", "false");
  t.equal(read(GIT_ENV), "1\n");
});

t.test("replacements that lead in a circle end", async (t) => {
  const circle = new Map([
    ["a", "b"],
    ["b", "a"],
  ]);
  t.ok(["a", "b"].includes(replacementOf("a", circle)));
  t.equal(replacementOf("c", circle), "c");
});
