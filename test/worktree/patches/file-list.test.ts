import fc from "fast-check";
import t from "tap";
import { changedFiles, keptHunkSize, mergeFiles } from "../../../src/worktree/patches/file-list.js";
import type { TreeFile } from "../../../src/worktree/types.js";

const file = (key: string, hunks: string): TreeFile => {
  return { key, path: key, header: "", hunks, additions: 0, deletions: 0, omitted_bytes: 0 };
};
const files = fc
  .uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 3 }), fc.nat(3)), { selector: ([key]) => key })
  .map((all) => all.map(([key, n]) => file(key, String(n))).sort((a, b) => (a.key < b.key ? -1 : 1)));

t.test("what changed, merged into what was, is what is", async (t) => {
  fc.assert(
    fc.property(files, files, (before, after) => {
      t.strictSame(mergeFiles(before, changedFiles(before, after)), after);
    }),
    { verbose: 1 },
  );
});

t.test("files that are the same object do not count as changed", async (t) => {
  fc.assert(
    fc.property(files, fc.nat(), (before, choice) => {
      const after = before.filter((_, at) => at !== choice % (before.length + 1));
      t.equal(changedFiles(before, after).size, before.length - after.length);
    }),
  );
});

t.test("the largest hunks are let go first, all of one size the same way", async (t) => {
  t.equal(keptHunkSize([10, 20, 30], 60, 1000), 1000, "everything fits");
  t.equal(keptHunkSize([10, 20, 30], 59, 1000), 29);
  t.equal(keptHunkSize([10, 20, 20, 5], 40, 1000), 19);
  t.equal(keptHunkSize([5000, 20], 60, 1000), 1000, "what is over the ceiling takes no room");
});

t.test("what is kept never exceeds the budget", async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100)), fc.nat(1000), (sizes, budget) => {
      const limit = keptHunkSize(sizes, budget, 1000);
      return sizes.filter((size) => size <= limit).reduce((sum, size) => sum + size, 0) <= budget;
    }),
  );
});
