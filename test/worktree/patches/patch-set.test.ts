import t from "tap";
import { keptHunkSize } from "../../../src/worktree/patches/patch-set.js";
import fc from "../../support/fast-check.js";

t.test("the largest hunks are left out first, all of one size the same way", async (t) => {
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
