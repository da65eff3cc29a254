import { execFileSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { MODE_SUBMODULE, MODE_TREE } from "../../../src/git/objects/git-object.js";
import { SHA1 } from "../../../src/git/objects/object-id.js";
import { ObjectStore } from "../../../src/git/objects/object-store.js";
import { readCommitTree, readTree } from "../../../src/git/objects/tree-object.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

const repo = createRepo(t, { "a/b": "1\n", "a.c": "2\n", "naïve ü": "3\n", z: "4\n" });
const objects = new ObjectStore(join(repo.root, ".git/objects"), SHA1);

t.test("a tree has the entries that `git ls-tree` prints, in its order", async (t) => {
  repo.link("link", "a.c");
  repo.git("update-index", "--add", "--cacheinfo", `160000,${repo.git("rev-parse", "HEAD")},sub`);
  repo.git("add", "link");
  repo.git("update-index", "--chmod=+x", "z");
  const tree = repo.git("write-tree");
  const listed = execFileSync("git", ["-C", repo.root, "ls-tree", "-z", tree], { env: GIT_ENV }).toString("latin1");
  const types = new Map([
    [MODE_TREE, "tree"],
    [MODE_SUBMODULE, "commit"],
  ]);
  const found = readTree(objects, tree, SHA1).map(
    ({ mode, oid, name }) => `${mode.toString(8).padStart(6, "0")} ${types.get(mode) ?? "blob"} ${oid}\t${name}`,
  );
  t.same(found, listed.split("\0").slice(0, -1));
  t.same(readTree(objects, SHA1.emptyTree, SHA1), [], "the empty tree exists in every repository");
});

t.test("a commit's tree is found, through tags of tags too, and nothing else has one", async (t) => {
  repo.git("tag", "-a", "-m", "1", "one", "HEAD");
  repo.git("tag", "-a", "-m", "2", "two", "one");
  const tree = repo.git("rev-parse", "HEAD^{tree}");
  for (const name of ["HEAD", "one", "two"]) t.equal(readCommitTree(objects, repo.git("rev-parse", name)), tree, name);
  t.throws(() => readCommitTree(objects, tree), { message: /a tree where a commit should be/ });
  t.throws(() => readTree(objects, repo.git("rev-parse", "HEAD:z"), SHA1), {
    message: /a blob where a tree should be/,
  });
});
