// `npm run test:comparisons [-- HISTORIES [SEED]]`: compares what `agent --once --compare` prints with `git diff`, on
// generated histories with work on top. A single difference fails the run.
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "../support/fast-check.js";
import { drawSeed } from "../support/random.js";
import { drawnHistory, expectedComparisons, makeHistory } from "../worktree/comparison/histories.js";
import { printedComparison } from "../worktree/comparison/printed.js";

const [histories = 2000, seed = drawSeed()] = process.argv.slice(2).map(Number);
const directory = mkdtempSync(join(realpathSync(tmpdir()), "treewire-comparisons-"));
let compared = 0;
let bytes = 0;

const result = await fc.check(
  fc.asyncProperty(drawnHistory, async (history) => {
    const root = join(directory, "tree");
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root);
    makeHistory(root, history);
    for (const [word, expected] of expectedComparisons(root, history)) {
      compared += 1;
      bytes += expected.length;
      const printed = await printedComparison(root, word);
      if (!printed.equals(expected)) throw new Error(`${word}:\n${printed}\n--- git:\n${expected}`);
    }
  }),
  { numRuns: histories, seed },
);
rmSync(directory, { recursive: true });
process.stdout.write(`${compared} comparisons of ${bytes} bytes in ${result.numRuns} histories from seed ${seed} on\n`);
if (result.failed) process.stdout.write(`different: ${fc.defaultReportMessage(result)}\n`);
process.exitCode = result.failed ? 1 : 0;
