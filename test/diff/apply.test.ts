import { execFileSync } from "node:child_process";
import t from "tap";
import { filePatch, looksBinary } from "../../src/diff/index.js";
import { generatePair } from "../parity/generate.js";
import fc from "../support/fast-check.js";
import { createRepo, GIT_ENV } from "../support/repo.js";
import { treePair } from "./arbitrary-trees.js";
import { FILE, importTrees, ourDiff, SUBMODULE, sideOf, type Tree } from "./trees.js";

/** Applies a patch to a tree, with git, in its index alone. @returns the id of the tree that comes out */
function applied(root: string, commit: string, patch: Uint8Array): string {
  const git = (args: string[], input: Uint8Array = new Uint8Array(0)) =>
    execFileSync("git", ["-C", root, ...args], { input, env: GIT_ENV, encoding: "utf8" }).trim();
  git(["read-tree", commit]);
  git(["apply", "--cached", "--check", "--allow-empty", "--whitespace=nowarn", "-"], patch);
  git(["apply", "--cached", "--allow-empty", "--whitespace=nowarn", "-"], patch);
  return git(["write-tree"]);
}

/** A patch says of binary files only that they differ, and of submodules what no index entry can hold. */
function textOnly(tree: Tree): Tree {
  return new Map([...tree].filter(([, { mode, content }]) => mode !== SUBMODULE && !looksBinary(content)));
}

t.test("git applies the patch of any two trees, and the other tree comes out", async (t) => {
  const repo = createRepo(t);
  fc.assert(
    fc.property(treePair, (pair) => {
      const [before, after] = pair.map(textOnly) as [Tree, Tree];
      const [one = "", other = ""] = importTrees(repo.root, [before, after]);
      const patch = ourDiff(before, after);
      const result = applied(repo.root, one, Buffer.from(patch, "latin1"));
      if (result !== repo.git("rev-parse", `${other}^{tree}`)) throw new Error(`another tree came out of:\n${patch}`);
    }),
    { numRuns: 60 },
  );
  t.pass("60 pairs of trees");
});

t.test("git applies the patches of 500 generated pairs, and the other sides come out", async (t) => {
  const repo = createRepo(t);
  const pairs = Array.from({ length: 500 }, (_, i) => generatePair(10_000 + i)).filter(
    ({ before, after }) => !looksBinary(before) && !looksBinary(after),
  );
  const treeOf = (side: "before" | "after") =>
    new Map(pairs.map((pair, i) => [`file ${i}`, { mode: FILE, content: Buffer.from(pair[side]) }]));
  const [before, after] = [treeOf("before"), treeOf("after")];
  const [one = "", other = ""] = importTrees(repo.root, [before, after]);
  const patches = [...before].map(([path, entry]) => {
    const changed = after.get(path);
    return filePatch(sideOf(path, entry), changed === undefined ? null : sideOf(path, changed)).bytes;
  });
  t.equal(applied(repo.root, one, Buffer.concat(patches)), repo.git("rev-parse", `${other}^{tree}`));
});
