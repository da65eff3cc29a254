import t from "tap";
import { SEED } from "../support/random.js";
import { describeDifference, differences, shrink } from "./compare.js";
import { generatePair } from "./generate.js";

const PAIRS = 2000;
const BATCH = 500;
/** By batch. */
const CONTEXT_LINES = [3, 3, 0, 1];

t.test(`the hunks of ${PAIRS} generated pairs are git's`, async (t) => {
  for (let batch = 0; batch < PAIRS / BATCH; batch += 1) {
    const pairs = Array.from({ length: BATCH }, (_, i) => generatePair(SEED + batch * BATCH + i));
    const contextLines = CONTEXT_LINES[batch % CONTEXT_LINES.length] ?? 3;
    const different = differences(pairs, contextLines);
    const [first] = different;
    t.equal(different.length, 0, `pairs from seed ${SEED + batch * BATCH} on, ${contextLines} lines of context`);
    if (first !== undefined) return t.fail(describeDifference(shrink(first)));
  }
});
