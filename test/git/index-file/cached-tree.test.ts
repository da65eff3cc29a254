import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type CachedTree, parseCachedTree } from "../../../src/git/index-file/cached-tree.js";
import { SHA1 } from "../../../src/git/objects/object-id.js";
import { createRepo, type TestRepo } from "../../support/repo.js";

/** The `TREE` extension of the index, which stands behind all paths. */
function extension(repo: TestRepo): Buffer {
  const bytes = readFileSync(join(repo.root, ".git/index"));
  const at = bytes.lastIndexOf("TREE");
  return bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at + 4));
}

/** `path oid count` of each directory, "-" for one that something below has changed. */
function flat(tree: CachedTree | undefined, path = ""): string[] {
  if (tree === undefined) return ["damaged"];
  const below = [...tree.children].flatMap(([name, child]) => flat(child, path === "" ? name : `${path}/${name}`));
  return [tree.oid === undefined ? `${path} -` : `${path} ${tree.oid} ${tree.entryCount}`, ...below];
}

const FILES = { top: "1\n", "a/f": "2\n", "a/g": "3\n", "a/deep/h": "4\n", "b/i": "5\n", "ü/j": "6\n" };

t.test("the cached tree has git's trees, with their numbers of entries", async (t) => {
  const repo = createRepo(t, FILES);
  const expected = ["", "a", "a/deep", "b", "ü"].map((path) => {
    const count = Object.keys(FILES).filter((name) => path === "" || name.startsWith(`${path}/`)).length;
    return `${Buffer.from(path).toString("latin1")} ${repo.git("rev-parse", `HEAD:${path}`)} ${count}`;
  });
  t.same(flat(parseCachedTree(extension(repo), SHA1)).sort(), expected.sort());
  repo.write("a/deep/new", "7\n");
  repo.git("add", "a/deep/new");
  const staged = flat(parseCachedTree(extension(repo), SHA1)).sort();
  const invalid = expected.map((line) => line.replace(/^(|a|a\/deep) .*/, "$1 -")).sort();
  t.same(staged, invalid, "what is above a staged file is not known");
});

t.test("a damaged cached tree is left aside", async (t) => {
  const bytes = extension(createRepo(t, FILES));
  for (let end = 0; end < bytes.length; end += 1) {
    const [root = "", ...below] = flat(parseCachedTree(bytes.subarray(0, end), SHA1));
    if (below.length > 0) t.fail(`${end} bytes: ${root} and ${below}`);
  }
  t.equal(parseCachedTree(Buffer.from("no tree"), SHA1), undefined);
  const deep = Buffer.from(`${"d\0-1 1\n".repeat(100_000)}d\0-1 0\n`);
  t.same(flat(parseCachedTree(deep, SHA1)), [" -"], "one that nests without end has a root alone");
});
