import t from "tap";
import { timerDelay } from "../../src/util/index.js";

const MAX = 2_147_483_647;

t.test("a moment that has passed is now, one that no timer can hold is the latest possible", async (t) => {
  const delays = [-5, -0.25, 0, 0.25, 1500, MAX, MAX + 1, Number.POSITIVE_INFINITY];
  t.same(delays.map(timerDelay), [0, 0, 0, 0.25, 1500, MAX, MAX, MAX]);
});
