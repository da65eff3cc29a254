import t from "tap";
import fc from "../support/fast-check.js";
import { createRepo } from "../support/repo.js";
import { treePair } from "./arbitrary-trees.js";
import { gitDiff, importTrees, ourDiff } from "./trees.js";

const RUNS = 150;

t.test("the patch of any two trees is git's: names, modes, kinds, binary files, renames", async (t) => {
  const { root } = createRepo(t);
  const samples: fc.Parameters<[unknown]> = { numRuns: RUNS };
  fc.assert(
    fc.property(treePair, ([before, after]) => {
      const [one = "", other = ""] = importTrees(root, [before, after]);
      const expected = gitDiff(root, one, other);
      const actual = ourDiff(before, after);
      if (actual !== expected) throw new Error(`git:\n${expected}\ntreewire:\n${actual}`);
    }),
    samples,
  );
  t.pass(`${RUNS} pairs of trees`);
});
