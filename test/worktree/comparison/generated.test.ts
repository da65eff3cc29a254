import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import fc from "../../support/fast-check.js";
import { tempDir } from "../../support/temp.js";
import { drawnHistory, expectedComparisons, makeHistory } from "./histories.js";
import { printedComparison } from "./printed.js";

t.test("what a comparison prints is what git prints, on generated histories", async (t) => {
  const dir = tempDir(t);
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(drawnHistory, async (history) => {
      runs += 1;
      const root = join(dir, String(runs));
      mkdirSync(root);
      makeHistory(root, history);
      for (const [word, expected] of expectedComparisons(root, history)) {
        const printed = await printedComparison(root, word);
        if (!printed.equals(expected)) throw new Error(`${word}:\n${printed}\n--- git:\n${expected}`);
      }
      rmSync(root, { recursive: true });
    }),
    { numRuns: 25 },
  );
});
