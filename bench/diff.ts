import { createTwoFilesPatch } from "diff";
import { detectRenames, unifiedHunks } from "../src/diff/index.js";
import { FILE, sideOf, type Tree } from "../test/diff/trees.js";
import type { Pair } from "../test/parity/generate.js";
import { changedFiles, PACKAGES, Packages } from "../test/parity/packages.js";
import { gitUserTime } from "./support/git-time.js";
import { largePairs } from "./support/large-pairs.js";
import { median, milliseconds, progress, quantile, ratioText, timeOf, timesOf } from "./support/measure.js";
import type { Goal, Report, Table } from "./support/publish.js";
import { renamedTrees } from "./support/renamed-trees.js";

/** The `diff` package gives up on a pair after this long, and then counts as that slow: on a real pair, on a large one. */
const PEER_LIMIT_MS = 1_000;
const LARGE_PEER_LIMIT_MS = 5_000;
/** Both take turns so many times, as long as that takes less than so much; ours has at least a few turns. */
const ROUNDS = 7;
const BUDGET_MS = 200;
const LEAST_ROUNDS = 3;
/** The peer is warmed up with the pairs below this size: the others would take long. */
const WARM_UP_BYTES = 20_000;

interface Timing {
  pair: Pair;
  /** All rounds, in milliseconds. */
  ours: number[];
  /** Of the medians: the peer's time by ours. */
  ratio: number;
  /** The median of its rounds, in milliseconds. */
  peer: number;
}

/** What a program that has the bytes of both sides would call: the peer takes strings. */
function peerPatch({ before, after }: Pair, timeout: number): unknown {
  const [one, other] = [
    Buffer.from(before.buffer, before.byteOffset, before.length),
    Buffer.from(after.buffer, after.byteOffset, after.length),
  ];
  return createTwoFilesPatch("a", "b", one.toString(), other.toString(), "", "", { context: 3, timeout });
}

function timing(pair: Pair, limitMs: number): Timing {
  const [ours, peer]: [number[], number[]] = [[], []];
  let spent = 0;
  while (ours.length === 0 || (ours.length < ROUNDS && spent < BUDGET_MS)) {
    const [own, other] = [timeOf(() => unifiedHunks(pair.before, pair.after)), timeOf(() => peerPatch(pair, limitMs))];
    ours.push(own);
    peer.push(other);
    spent += own + other;
  }
  while (ours.length < LEAST_ROUNDS) ours.push(timeOf(() => unifiedHunks(pair.before, pair.after)));
  return { pair, ours, ratio: median(peer) / median(ours), peer: median(peer) };
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

/** The smallest time that git's clock can tell, and then some. */
const CLOCK_MS = 10;

function realTables(): { tables: Table[]; goals: Goal[] } {
  const sets = realPairs();
  const everything = sets.flatMap(({ pairs }) => pairs);
  const cold = ourUserTime(everything);
  for (const pair of everything) {
    if (Math.max(pair.before.length, pair.after.length) < WARM_UP_BYTES) peerPatch(pair, PEER_LIMIT_MS);
  }
  const sum = { ours: 0, git: 0 };
  const all: Timing[] = [];
  const rows = sets.map(({ name, pairs }) => {
    const timings = pairs.map((pair, i) => {
      progress(`${name}: ${i + 1} of ${pairs.length} pairs`);
      return timing(pair, PEER_LIMIT_MS);
    });
    all.push(...timings);
    const ours = Math.min(...Array.from({ length: 3 }, () => ourUserTime(pairs)));
    const git = gitTime(pairs);
    sum.ours += ours;
    sum.git += git;
    return [name, ...timingCells(timings), ...userTimeCells(ours, git)];
  });
  rows.push(["all", ...timingCells(all), ...userTimeCells(sum.ours, sum.git)]);
  rows.push(["all, first pass of the process", "", "", "", "", "", "", ...userTimeCells(cold, sum.git)]);
  const timingColumns = ["pairs", "median", "p99", "`diff` takes: median", "least", "sum"].map(right);
  const ratios = all.map(({ ratio }) => ratio);
  return {
    tables: [
      {
        title: "Every changed file between successive versions of packages",
        columns: [{ head: "versions" }, ...timingColumns, ...["user time", "git's", "ratio"].map(right)],
        rows,
      },
      { title: "The same by size", columns: [{ head: "larger side" }, ...timingColumns], rows: bySize(all) },
    ],
    goals: [
      atLeast("times the speed of `diff`, median over real pairs", median(ratios), 10),
      atLeast("times the speed of `diff`, least over real pairs", Math.min(...ratios), 1),
      atMost("times git's user time, sum over real pairs", sum.ours / sum.git, 2),
    ],
  };
}

function timingCells(timings: readonly Timing[]): string[] {
  const medians = timings.map(({ ours }) => median(ours));
  const ratios = timings.map(({ ratio }) => ratio);
  const total = sum(timings, "peer") / timings.reduce((time, { ours }) => time + median(ours), 0);
  return [
    String(timings.length),
    milliseconds(median(medians)),
    milliseconds(quantile(medians, 0.99)),
    ratioText(median(ratios)),
    ratioText(Math.min(...ratios)),
    ratioText(total),
  ];
}

function userTimeCells(ours: number, git: number): string[] {
  return [milliseconds(ours), milliseconds(git), git < CLOCK_MS ? "" : ratioText(ours / git)];
}

function bySize(timings: readonly Timing[]): string[][] {
  const bounds: [name: string, bytes: number][] = [
    ["under 1 KB", 1e3],
    ["1 to 10 KB", 1e4],
    ["10 to 100 KB", 1e5],
    ["100 KB to 1 MB", 1e6],
    ["over 1 MB", Number.POSITIVE_INFINITY],
  ];
  return bounds.map(([name, end], i) => {
    const start = bounds[i - 1]?.[1] ?? 0;
    const size = ({ pair }: Timing) => Math.max(pair.before.length, pair.after.length);
    return [name, ...timingCells(timings.filter((one) => size(one) >= start && size(one) < end))];
  });
}

function atLeast(what: string, ratio: number, goal: number): Goal {
  return { what, goal: `at least ${goal}`, reached: ratioText(ratio), met: ratio >= goal };
}

function atMost(what: string, ratio: number, goal: number): Goal {
  return { what, goal: `at most ${goal}`, reached: ratioText(ratio), met: ratio <= goal };
}

/** So many of the large pairs are of an everyday sort; the others are made to be slow. */
const EVERYDAY = 5;
/** Copies of one pair in git's trees, so that the start of its process does not show. */
const GIT_COPIES = 10;

function largeTable(): { table: Table; goals: Goal[] } {
  const pairs = largePairs();
  for (const pair of pairs.slice(0, EVERYDAY)) unifiedHunks(pair.before, pair.after);
  const measured = pairs.map((pair) => {
    progress(`1 MiB: ${pair.name}`);
    const copies = Array.from({ length: GIT_COPIES }, () => pair);
    const user = Math.min(...Array.from({ length: 3 }, () => ourUserTime([pair])));
    return { ...timing(pair, LARGE_PEER_LIMIT_MS), user, git: gitTime(copies) / GIT_COPIES };
  });
  const rows = measured.map(({ pair, ours, ratio, peer, user, git }) => [
    pair.name,
    milliseconds(median(ours)),
    milliseconds(quantile(ours, 0.99)),
    peer >= LARGE_PEER_LIMIT_MS ? "gave up" : milliseconds(peer),
    (peer >= LARGE_PEER_LIMIT_MS ? "over " : "") + ratioText(ratio),
    ...userTimeCells(user, git),
  ]);
  const columns = [{ head: "pair" }, ...["median", "p99", "`diff`", "ratio", "user time", "git's", "ratio"].map(right)];
  const everyday = measured.slice(0, EVERYDAY);
  const slowest = (timings: typeof measured) => Math.max(...timings.map(({ user }) => user));
  const toGit = (timings: typeof measured) => sum(timings, "user") / sum(timings, "git");
  return {
    table: { title: "Files of 1 MiB", columns, rows },
    goals: [
      atLeast(
        "times the speed of `diff`, least over files of 1 MiB",
        Math.min(...measured.map(({ ratio }) => ratio)),
        1,
      ),
      atMost(`times git's user time, sum over the first ${EVERYDAY}`, toGit(everyday), 2),
      atMost("times git's user time, sum over all", toGit(measured), 2),
      under(`user time of the slowest of the first ${EVERYDAY}`, slowest(everyday), 500),
      under("user time of the slowest of all", slowest(measured), 500),
    ],
  };
}

function under(what: string, time: number, goal: number): Goal {
  return { what, goal: `under ${goal} ms`, reached: milliseconds(time), met: time < goal };
}

function sum<K extends string>(values: readonly Record<K, number>[], key: K): number {
  return values.reduce((total, value) => total + value[key], 0);
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
  const real = realTables();
  progress("");
  return {
    title: "Line diff",
    method: `\`unifiedHunks\` against \`createTwoFilesPatch\` of the \`diff\` package, both with 3 lines of context, and against
one process of \`git diff --no-renames --text\` for two trees of the same files, packed without compression. Both are
given the bytes of two files: ours gives bytes, \`diff\` decodes them first and gives a string. They take turns on each
pair, up to ${ROUNDS} times; times and ratios to \`diff\` are those of the medians. Where \`diff\` gives up, after
${PEER_LIMIT_MS / 1000} s on a real pair and ${LARGE_PEER_LIMIT_MS / 1000} s on one of 1 MiB, it counts as that slow. User times are the least of three passes,
in a process that has warmed up.`,
    tables: [...real.tables, large.table, renames],
    goals: [...real.goals, ...large.goals],
  };
}
