// `npm run test:history [-- PAIRS [FIRST_SEED]]`: compares the best common ancestors that we find with those of
// `git merge-base --all`, and how far two commits are apart with what they reach, on generated histories of up to 2,000
// commits with clocks that are wrong. A single difference fails the run.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRepository } from "../../src/git/index.js";
import { bestCommonAncestors } from "../../src/history/common-ancestors.js";
import { Divergence } from "../../src/history/divergence.js";
import { basesByGit, drawGraph, importGraph, reachableFrom } from "../history/graphs.js";
import { drawSeed, Random } from "../support/random.js";
import { GIT_ENV, git } from "../support/repo.js";

const [pairs = 10_000, firstSeed = drawSeed()] = process.argv.slice(2).map(Number);
const PAIRS_OF_HISTORY = 100;
const MOST_COMMITS = 2000;

let compared = 0;
let several = 0;
const differences: string[] = [];

function compareHistory(seed: number, count: number): void {
  const root = mkdtempSync(join(realpathSync(tmpdir()), "treewire-history-"));
  try {
    git(root, "init", "-q");
    const random = new Random(seed);
    const size = 2 + random.below(MOST_COMMITS - 1);
    const graph = drawGraph(random, size);
    const oids = importGraph(root, graph);
    if (random.chance(0.5)) git(root, "commit-graph", "write", "--reachable");
    const repository = openRepository(root, GIT_ENV);
    for (let pair = 0; pair < count; pair += 1) {
      const [one, other] = [random.below(size), random.below(size)];
      const [oneOid = "", otherOid = ""] = [oids[one], oids[other]];
      const commits = repository.historySource().commits();
      const [left, right] = [commits.numberOf(oneOid), commits.numberOf(otherOid)];
      const found = bestCommonAncestors(commits, left, right);
      const { ahead, behind } = new Divergence(commits, left, right, found);
      const expected = basesByGit(root, oneOid, otherOid);
      const reached = [reachableFrom(graph, one), reachableFrom(graph, other)] as const;
      const apart = [
        [...reached[0]].filter((at) => !reached[1].has(at)),
        [...reached[1]].filter((at) => !reached[0].has(at)),
      ];
      compared += 1;
      if (expected.length > 1) several += 1;
      const isSame = found.map((base) => commits.oidOf(base)).join() === expected.join();
      const isCounted = ahead === apart[0]?.length && behind === apart[1]?.length;
      if (!isSame || !isCounted) differences.push(`seed ${seed}, pair ${pair}: ${isSame ? "the counts" : "the bases"}`);
      commits.close();
    }
  } finally {
    rmSync(root, { recursive: true });
  }
}

for (let seed = firstSeed; compared < pairs; seed += 1)
  compareHistory(seed, Math.min(PAIRS_OF_HISTORY, pairs - compared));
process.stdout.write(
  `${compared} pairs from seed ${firstSeed} on, ${several} with more than one best common ancestor\n`,
);
for (const difference of differences.slice(0, 20)) process.stdout.write(`different: ${difference}\n`);
process.stdout.write(`${compared - differences.length} passed, ${differences.length} failed\n`);
process.exitCode = differences.length === 0 ? 0 : 1;
