// Reads history in a process of its own and prints what that took: `history-program.js TASK ROOT ONE OTHER RUNS`.
import { join } from "node:path";

export interface HistoryFigures {
  /** The first answer, the modules already loaded, in milliseconds. */
  firstMs: number;
  /** Each of the others. */
  timesMs: number[];
  /** By how much resident memory grew at most, in bytes: until the first answer, and in all. */
  firstGrown: number;
  grown: number;
  answer: string;
}

type Task = () => string | Promise<string>;

/** The first parents of a log. */
const LOG_COMMITS = 100;

const [task = "", root = "", one = "", other = "", runs = "1"] = process.argv.slice(2);
const gitdir = join(root, ".git");

const TASKS: Record<string, () => Promise<Task>> = {
  base: async () => {
    const { openRepository } = await import("../../src/git/index.js");
    const { bestCommonAncestors } = await import("../../src/history/common-ancestors.js");
    const repository = openRepository(root);
    return () => {
      const commits = repository.historySource().commits();
      const [base] = bestCommonAncestors(commits, commits.numberOf(one), commits.numberOf(other));
      const answer = base === undefined ? "" : commits.oidOf(base);
      commits.close();
      return answer;
    };
  },
  log: async () => {
    const { openRepository } = await import("../../src/git/index.js");
    const { commitsBetween } = await import("../../src/history/index.js");
    const repository = openRepository(root);
    return () =>
      String(
        commitsBetween(repository.historySource(), { tip: one, excluded: "" }, { limit: LOG_COMMITS }).commits.length,
      );
  },
  "isomorphic-git base": async () => {
    const { default: isomorphic } = await import("isomorphic-git");
    const fs = await import("node:fs");
    return async () => String(await isomorphic.findMergeBase({ fs, gitdir, oids: [one, other], cache: {} }));
  },
  "isomorphic-git log": async () => {
    const { default: isomorphic } = await import("isomorphic-git");
    const fs = await import("node:fs");
    return async () => String((await isomorphic.log({ fs, gitdir, ref: one, depth: LOG_COMMITS, cache: {} })).length);
  },
  "isomorphic-git log over our objects": async () => {
    const { default: isomorphic } = await import("isomorphic-git");
    const { openRepository } = await import("../../src/git/index.js");
    const { objectFs } = await import("../../test/support/object-fs.js");
    const fs = objectFs(openRepository(root).historySource(), "/objects");
    return async () =>
      String((await isomorphic.log({ fs, gitdir: "/objects", ref: one, depth: LOG_COMMITS, cache: {} })).length);
  },
};

const run = await TASKS[task]?.();
if (run === undefined) throw new Error(`no such task: ${task}`);
const before = process.memoryUsage.rss();
const times: number[] = [];
let answer = "";
let firstGrown = 0;
const grownSoFar = (): number => Math.max(0, process.resourceUsage().maxRSS * 1024 - before);
for (let each = 0; each < Number(runs); each += 1) {
  const start = performance.now();
  answer = await run();
  times.push(performance.now() - start);
  if (each === 0) firstGrown = grownSoFar();
}
const [firstMs = Number.NaN, ...timesMs] = times;
const figures: HistoryFigures = { firstMs, timesMs, firstGrown, grown: grownSoFar(), answer };
process.stdout.write(JSON.stringify(figures));
