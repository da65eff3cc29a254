import { createTwoFilesPatch } from "diff";
import { detectRenames, unifiedHunks } from "../src/diff/index.js";
import { FILE, sideOf, type Tree } from "../test/diff/trees.js";
import type { Pair } from "../test/parity/generate.js";
import { changedFiles, PACKAGES, Packages } from "../test/parity/packages.js";
import { Random } from "../test/parity/random.js";
import { gitUserTime } from "./support/git-time.js";
import { largePairs } from "./support/large-pairs.js";
import { median, milliseconds, progress, quantile, ratioText, timesOf } from "./support/measure.js";
import type { Goal, Report, Table } from "./support/publish.js";

/** The `diff` package gives up on a pair after this long; it then counts as that slow. */
const PEER_LIMIT_MS = 20_000;
/** Each pair is compared up to so many times, as long as that takes less than so much. */
const RUNS = 7;
const BUDGET_MS = 200;

interface Timing {
  pair: Pair;
  /** Medians, in milliseconds. */
  ours: number;
  peer: number;
  all: number[];
}

function ourRun({ before, after }: Pair): () => Uint8Array {
  return () => unifiedHunks(before, after);
}

/** The peer takes strings: decoding is not counted. */
function peerRun({ before, after }: Pair): () => unknown {
  const [one, other] = [Buffer.from(before).toString(), Buffer.from(after).toString()];
  return () => createTwoFilesPatch("a", "b", one, other, "", "", { context: 3, timeout: PEER_LIMIT_MS });
}

function timing(pair: Pair, runs = RUNS): Timing {
  const all = timesOf(ourRun(pair), runs, BUDGET_MS);
  return { pair, ours: median(all), peer: median(timesOf(peerRun(pair), RUNS, BUDGET_MS)), all };
}

/** User time in milliseconds for all pairs, one after another. */
function ourUserTime(pairs: readonly Pair[]): number {
  const start = process.cpuUsage();
  for (const pair of pairs) unifiedHunks(pair.before, pair.after);
  return process.cpuUsage(start).user / 1000;
}

function treeOf(pairs: readonly Pair[], side: "before" | "after"): Tree {
  return new Map(pairs.map((pair, i) => [`file ${i}`, { mode: FILE, content: Buffer.from(pair[side]) }]));
}

function gitTime(pairs: readonly Pair[]): number {
  return gitUserTime(treeOf(pairs, "before"), treeOf(pairs, "after"), "--no-renames", "--text");
}

function realPairs(): { name: string; pairs: Pair[] }[] {
  const packages = new Packages();
  try {
    return Object.entries(PACKAGES).map(([name, versions]) => {
      progress(`fetching ${name}`);
      const fetched = packages.fetch(name);
      const pairs = fetched.flatMap((newer, i) => {
        const older = fetched[i - 1];
        return older === undefined ? [] : changedFiles(older, newer);
      });
      return { name: `${name} ${versions[0]} to ${versions.at(-1)}`, pairs };
    });
  } finally {
    packages.close();
  }
}

const right = (head: string) => ({ head, align: "right" }) as const;

function realTable(): { table: Table; goals: Goal[] } {
  const sets = realPairs();
  const everything = sets.flatMap(({ pairs }) => pairs);
  const cold = ourUserTime(everything);
  const rows: string[][] = [];
  const ratios: number[] = [];
  const sum = { ours: 0, git: 0 };
  for (const { name, pairs } of sets) {
    const timings = pairs.map((pair, i) => {
      progress(`${name}: ${i + 1} of ${pairs.length} pairs`);
      return timing(pair);
    });
    const ours = Math.min(...Array.from({ length: 3 }, () => ourUserTime(pairs)));
    const git = gitTime(pairs);
    const own = timings.map(({ ours, peer }) => peer / ours);
    ratios.push(...own);
    sum.ours += ours;
    sum.git += git;
    rows.push([
      name,
      String(pairs.length),
      milliseconds(median(timings.map((one) => one.ours))),
      milliseconds(
        quantile(
          timings.map((one) => one.ours),
          0.99,
        ),
      ),
      ratioText(median(own)),
      ratioText(Math.min(...own)),
      milliseconds(ours),
      milliseconds(git),
      ratioText(ours / git),
    ]);
  }
  const columns = [
    { head: "versions" },
    ...["pairs", "median", "p99", "`diff` takes (median)", "(least)", "user time", "git's", "ratio"].map(right),
  ];
  rows.push([
    "all",
    String(everything.length),
    "",
    "",
    ratioText(median(ratios)),
    ratioText(Math.min(...ratios)),
    milliseconds(sum.ours),
    milliseconds(sum.git),
    ratioText(sum.ours / sum.git),
  ]);
  rows.push([
    "all, first pass of a new process",
    "",
    "",
    "",
    "",
    "",
    milliseconds(cold),
    "",
    ratioText(cold / sum.git),
  ]);
  return {
    table: { title: "Every changed file between successive versions of packages", columns, rows },
    goals: [
      atLeast("times the speed of `diff`, median over real pairs", median(ratios), 10),
      atLeast("times the speed of `diff`, least over real pairs", Math.min(...ratios), 1),
      atMost("times git's user time, sum over real pairs", sum.ours / sum.git, 2),
    ],
  };
}

function atLeast(what: string, ratio: number, goal: number): Goal {
  return { what, goal: `at least ${goal}`, reached: ratioText(ratio), met: ratio >= goal };
}

function atMost(what: string, ratio: number, goal: number): Goal {
  return { what, goal: `at most ${goal}`, reached: ratioText(ratio), met: ratio <= goal };
}

/** Copies of one pair in git's trees, so that the start of its process does not show. */
const GIT_COPIES = 10;

function largeTable(): { table: Table; goals: Goal[] } {
  const measured = largePairs().map((pair) => {
    progress(`1 MiB: ${pair.name}`);
    const copies = Array.from({ length: GIT_COPIES }, () => pair);
    return { ...timing(pair, 20), git: gitTime(copies) / GIT_COPIES };
  });
  const rows = measured.map(({ pair, ours, peer, all, git }) => [
    pair.name,
    milliseconds(ours),
    milliseconds(quantile(all, 0.99)),
    peer >= PEER_LIMIT_MS ? "gave up" : milliseconds(peer),
    (peer >= PEER_LIMIT_MS ? "over " : "") + ratioText(peer / ours),
    milliseconds(git),
    ratioText(ours / git),
  ]);
  const columns = [{ head: "pair" }, ...["median", "p99", "`diff`", "ratio", "git's user time", "ratio"].map(right)];
  const everyday = measured.slice(0, 5);
  const ratio = (all: typeof measured) => sum(all, "ours") / sum(all, "git");
  const worst = Math.max(...everyday.map(({ ours }) => ours));
  const worstOfAll = Math.max(...measured.map(({ ours }) => ours));
  return {
    table: { title: "Files of 1 MiB", columns, rows },
    goals: [
      atLeast(
        "times the speed of `diff`, least over files of 1 MiB",
        Math.min(...measured.map((one) => one.peer / one.ours)),
        1,
      ),
      atMost("times git's user time, sum over the first five", ratio(everyday), 2),
      atMost("times git's user time, sum over all seven", ratio(measured), 2),
      { what: "slowest of the first five", goal: "under 500 ms", reached: milliseconds(worst), met: worst < 500 },
      { what: "slowest of all seven", goal: "under 500 ms", reached: milliseconds(worstOfAll), met: worstOfAll < 500 },
    ],
  };
}

function sum<K extends string>(values: readonly Record<K, number>[], key: K): number {
  return values.reduce((total, value) => total + value[key], 0);
}

/** As many files deleted as added, each of the latter an edited one of the former under another name. */
function renamedTrees(count: number): [Tree, Tree] {
  const random = new Random(3);
  const words = Array.from({ length: 3000 }, (_, i) => `line ${i} of any file, with some more text\n`);
  const before: [string, { mode: number; content: Buffer }][] = [];
  const after: typeof before = [];
  for (let i = 0; i < count; i += 1) {
    const lines = Array.from({ length: 100 }, () => random.pick(words));
    const edited = lines.map((line) => (random.chance(0.2) ? random.pick(words) : line));
    before.push([`old/${i}.txt`, { mode: FILE, content: Buffer.from(lines.join("")) }]);
    after.push([`new/${(i * 7919) % count}-x.txt`, { mode: FILE, content: Buffer.from(edited.join("")) }]);
  }
  return [new Map(before), new Map(after)];
}

function renameTable(): Table {
  const rows = [100, 1000].map((count) => {
    progress(`${count} renames`);
    const [before, after] = renamedTrees(count);
    const sides = (tree: Tree) => [...tree].map(([path, entry]) => sideOf(path, entry));
    const [deleted, added] = [sides(before), sides(after)];
    const all = timesOf(() => detectRenames(deleted, added), 7, 5000);
    const git = gitUserTime(before, after, "-M", "-l0", "--name-status");
    return [
      `${count} deletions, ${count} additions`,
      milliseconds(median(all)),
      milliseconds(quantile(all, 0.99)),
      milliseconds(git),
      ratioText(median(all) / git),
    ];
  });
  const columns = [{ head: "files of 4 KB" }, ...["median", "p99", "git's user time", "ratio"].map(right)];
  return { title: "Rename detection", columns, rows };
}

export async function benchmark(): Promise<Report> {
  const large = largeTable();
  const renames = renameTable();
  const real = realTable();
  progress("");
  return {
    title: "Line diff",
    method: `\`unifiedHunks\` against \`createTwoFilesPatch\` of the \`diff\` package, both with 3 lines of context, and against
one process of \`git diff --no-renames --text\` for two trees of the same files, packed without compression. Ours takes and
gives bytes; \`diff\` takes and gives strings, and the decoding is not counted. Each time is the median of up to ${RUNS} runs
of a pair; user times are the least of three passes over all pairs, in one process that has warmed up.`,
    tables: [real.table, large.table, renames],
    goals: [...real.goals, ...large.goals],
  };
}
