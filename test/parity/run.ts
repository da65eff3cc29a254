// `npm run test:parity [-- GENERATED_PAIRS [FIRST_SEED]]`: compares our hunks with git's, on generated pairs and on the
// changed files of real packages, and whole patches, renames and all, on the packages and on this project's history.
// Says how many were equal. A single difference fails the run.

import { drawSeed } from "../support/random.js";
import { type Difference, describeDifference, differences, shrink } from "./compare.js";
import { generatePair, type Pair } from "./generate.js";
import { changedFiles, PACKAGES, Packages } from "./packages.js";
import { ownHistory, type TreePair, treeDifference, treeOfDirectory } from "./real-trees.js";

const [generatedPairs = 50_000, firstSeed = drawSeed()] = process.argv.slice(2).map(Number);
const BATCH = 1000;
/** Batch after batch. */
const CONTEXT_LINES = [3, 3, 0, 1, 10];

/** Commits of this project whose patch is compared. */
const COMMITS = 100;

let compared = 0;
let first: Difference | undefined;
let different = 0;

function compare(pairs: readonly Pair[], contextLines = 3): void {
  const found = differences(pairs, contextLines);
  compared += pairs.length;
  different += found.length;
  first ??= found[0];
}

let trees = 0;
const differentTrees: string[] = [];

function compareTrees(pair: TreePair): void {
  const difference = treeDifference(pair);
  trees += 1;
  if (difference !== undefined) differentTrees.push(difference);
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
      if (older === undefined) return;
      compare(changedFiles(older, newer));
      const between = `${name} ${older.version} to ${newer.version}`;
      compareTrees({ name: between, before: treeOfDirectory(older.dir), after: treeOfDirectory(newer.dir) });
    });
    report(`${name} ${versions.map(({ version }) => version).join(", ")}`);
  }
} finally {
  packages.close();
}

for (const pair of ownHistory(COMMITS)) compareTrees(pair);
process.stdout.write(`whole patches: ${trees - differentTrees.length} of ${trees} pairs of trees are equal to git's\n`);

if (first !== undefined) process.stdout.write(`the first difference, shrunk: ${describeDifference(shrink(first))}\n`);
if (differentTrees[0] !== undefined) process.stdout.write(`the first patch that differs: ${differentTrees[0]}\n`);
const failed = different + differentTrees.length;
process.stdout.write(`${compared + trees - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
