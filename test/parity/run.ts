// `npm run test:parity [-- GENERATED_PAIRS [FIRST_SEED]]`: compares our hunks with git's, on generated pairs and on the
// changed files of real packages, and says how many were equal. A single difference fails the run.
import { type Difference, describeDifference, differences, shrink } from "./compare.js";
import { generatePair, type Pair } from "./generate.js";
import { changedFiles, PACKAGES, Packages } from "./packages.js";

const [generatedPairs = 50_000, firstSeed = 1_000_000] = process.argv.slice(2).map(Number);
const BATCH = 1000;
/** Batch after batch. */
const CONTEXT_LINES = [3, 3, 0, 1, 10];

let compared = 0;
let first: Difference | undefined;
let different = 0;

function compare(pairs: readonly Pair[], contextLines = 3): void {
  const found = differences(pairs, contextLines);
  compared += pairs.length;
  different += found.length;
  first ??= found[0];
}

function report(what: string): void {
  process.stdout.write(`${what}: ${compared - different} of ${compared} pairs so far are equal to git's\n`);
}

for (let batch = 0; batch * BATCH < generatedPairs; batch += 1) {
  const size = Math.min(BATCH, generatedPairs - batch * BATCH);
  const pairs = Array.from({ length: size }, (_, i) => generatePair(firstSeed + batch * BATCH + i));
  compare(pairs, CONTEXT_LINES[batch % CONTEXT_LINES.length]);
}
report(`${generatedPairs} generated, from seed ${firstSeed} on`);

const packages = new Packages();
try {
  for (const name of Object.keys(PACKAGES)) {
    const versions = packages.fetch(name);
    versions.forEach((newer, i) => {
      const older = versions[i - 1];
      if (older !== undefined) compare(changedFiles(older, newer));
    });
    report(`${name} ${versions.map(({ version }) => version).join(", ")}`);
  }
} finally {
  packages.close();
}

if (first !== undefined) process.stdout.write(`the first difference, shrunk: ${describeDifference(shrink(first))}\n`);
process.stdout.write(`${compared - different} passed, ${different} failed\n`);
process.exitCode = different === 0 ? 0 : 1;
