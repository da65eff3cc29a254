import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GIT_ENV, git } from "../test/support/repo.js";
import { compareEdits, type EditFigures } from "./support/compared-edits.js";
import type { HistoryFigures } from "./support/history-program.js";
import { BRANCHES, COMMITS, makeLongHistory } from "./support/long-history.js";
import { median, milliseconds, progress, ratioText, timesOf } from "./support/measure.js";
import type { Goal, Report, Table } from "./support/publish.js";

/** Enough for the engine to have compiled what it runs, as in an agent that is up for hours; the first is told as well. */
const RUNS = 25;
const RATIO_GOAL = 2;
const MEMORY_GOAL_MIB = 64;
const EDIT_GOAL = 1.5;
/** Isomorphic-git visits everything. */
const PEER_LIMIT_MS = 60_000;
const MIB = 2 ** 20;

const program = fileURLToPath(new URL("support/history-program.js", import.meta.url));

interface BaseRow {
  cells: string[];
  ratio: number;
  grown: number;
}

/**
 * The repository is made anew, which takes half a minute, unless `TREEWIRE_LONG_HISTORY` names a directory: then it is
 * kept there for the next time.
 */
export async function benchmark(): Promise<Report> {
  const scratch = mkdtempSync(join(tmpdir(), "treewire-bench-"));
  try {
    const root = process.env.TREEWIRE_LONG_HISTORY ?? join(scratch, "long");
    if (!existsSync(root)) {
      const making = `${root}.making`;
      await makeLongHistory(making);
      renameSync(making, root);
    }
    return await measure(root);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function measure(root: string): Promise<Report> {
  const notes = join(root, ".git/objects/info/commit-graph");
  rmSync(notes, { force: true });
  const bare = Object.entries(BRANCHES).map(([name, apart]) => baseRow(root, `${name} commits`, `behind-${apart}`));
  const peer = peerRow(root, `behind-${BRANCHES["500"]}`);
  git(root, "commit-graph", "write", "--reachable");
  const noted = Object.entries(BRANCHES).map(([name, apart]) =>
    baseRow(root, `${name} commits, with a commit graph`, `behind-${apart}`),
  );
  rmSync(notes, { force: true });
  const bases: Table = {
    title: "The best common ancestor",
    columns: [
      { head: "since the branch began" },
      ...["first", "median", "`git merge-base`", "ratio", "memory", `after ${RUNS}`].map((head) => ({
        head,
        align: "right" as const,
      })),
    ],
    rows: [...bare, ...noted].map(({ cells }) => cells).concat([peer]),
  };
  const log = logTable(root);
  checkOut(root);
  const { plain, compared } = await compareEdits(root);
  progress("");
  return {
    title: "History",
    method: `A history of ${COMMITS.toLocaleString("en")} commits with merges in ${packOf(root)}, made by \`git fast-import\`. The base of a
branch of 20 commits with the main branch, which has so many commits since. Ours is found in a process that has loaded its
modules: the first time, and the median of ${RUNS - 1} more; git's time is the median of as many processes. The file system has
the pages. Memory is what the resident set grew by at most until the first answer, and in all. isomorphic-git's \`findMergeBase\` has ${PEER_LIMIT_MS / 1000} s. Edits are those of one
file of the branch that the main branch has 500 commits more than, checked out, until the state is told: with HEAD's diff followed, and
with that from the base besides, which shows the branch's 300 files.`,
    tables: [bases, log, editTable(plain, compared)],
    goals: [
      ...[...bare, ...noted].flatMap(baseGoals),
      editGoal("until it is told, median", compared.medianMs / plain.medianMs),
      editGoal("CPU", compared.cpuMs / plain.cpuMs),
    ],
  };
}

function baseGoals(row: BaseRow): Goal[] {
  return [
    {
      what: `base, ${row.cells[0]}: median, times that of \`git merge-base\``,
      goal: `at most ${RATIO_GOAL}×`,
      reached: ratioText(row.ratio),
      met: row.ratio <= RATIO_GOAL,
    },
    {
      what: `base, ${row.cells[0]}: growth of memory`,
      goal: `at most ${MEMORY_GOAL_MIB} MiB`,
      reached: `${Math.round(row.grown)} MiB`,
      met: row.grown <= MEMORY_GOAL_MIB,
    },
  ];
}

function editGoal(what: string, ratio: number): Goal {
  return {
    what: `an edit with the base's diff followed besides: ${what}, times that without`,
    goal: `at most ${EDIT_GOAL}×`,
    reached: ratioText(ratio),
    met: ratio <= EDIT_GOAL,
  };
}

function editTable(plain: EditFigures, compared: EditFigures): Table {
  const rowOf = (name: string, { medianMs, p99Ms, cpuMs }: EditFigures) => [
    name,
    ...[medianMs, p99Ms, cpuMs].map(milliseconds),
  ];
  return {
    title: "An edit",
    columns: [
      { head: "followed" },
      ...["median", "99 %", "CPU"].map((name) => ({ head: name, align: "right" as const })),
    ],
    rows: [rowOf("HEAD's diff", plain), rowOf("HEAD's, and that from the base", compared)],
  };
}

/** The working tree of a branch that has a base. */
function checkOut(root: string): void {
  progress("a working tree");
  const branch = `behind-${BRANCHES["500"]}`;
  git(root, "config", `branch.${branch}.gh-merge-base`, "main");
  git(root, "checkout", "-q", "-f", branch);
}

function baseRow(root: string, name: string, branch: string): BaseRow {
  progress(`the base, ${name}`);
  const ends = ["main", branch].map((ref) => git(root, "rev-parse", ref));
  const expected = git(root, "merge-base", ...ends);
  const gitTimes = timesOf(() => git(root, "merge-base", ...ends), RUNS, Number.POSITIVE_INFINITY);
  const ours = run("base", root, ends, RUNS);
  if (ours?.answer !== expected) throw new Error(`the base is ${expected}, not ${ours?.answer}`);
  const ratio = median(ours.timesMs) / median(gitTimes);
  const grown = ours.firstGrown / MIB;
  const times = [ours.firstMs, median(ours.timesMs), median(gitTimes)].map(milliseconds);
  return { cells: [name, ...times, ratioText(ratio), `${Math.round(grown)} MiB`, memory(ours)], ratio, grown };
}

function peerRow(root: string, branch: string): string[] {
  progress("the base by isomorphic-git");
  const ends = ["main", branch].map((ref) => git(root, "rev-parse", ref));
  const peer = run("isomorphic-git base", root, ends, 1);
  const figures = peer && [milliseconds(peer.firstMs), "", "", "", memory(peer), ""];
  return ["500 commits, by isomorphic-git", ...(figures ?? ["gave up", "", "", "", "", ""])];
}

function logTable(root: string): Table {
  const head = git(root, "rev-parse", "main");
  const rows = ["log", "isomorphic-git log over our objects", "isomorphic-git log"].map((task) => {
    progress(task);
    const figures = run(task, root, [head, ""], 5);
    if (figures === undefined) return [task, "gave up", "", ""];
    const name = task === "log" ? "Treewire" : task.replace(" log", "");
    return [name, milliseconds(figures.firstMs), milliseconds(median(figures.timesMs)), memory(figures)];
  });
  const log = () => git(root, "log", "--first-parent", "-100", "--format=%H %P %an %s %b");
  const times = timesOf(log, RUNS, Number.POSITIVE_INFINITY);
  return {
    title: "The last 100 commits",
    columns: [
      { head: "reader" },
      ...["first", "median", "memory"].map((name) => ({ head: name, align: "right" as const })),
    ],
    rows: [...rows, ["`git log`", "", milliseconds(median(times)), ""]],
  };
}

function memory({ grown }: HistoryFigures): string {
  return `${Math.round(grown / MIB)} MiB`;
}

/** @returns `undefined` when it took too long */
function run(task: string, root: string, ends: readonly string[], runs: number): HistoryFigures | undefined {
  const args = [program, task, root, ...ends, String(runs)];
  const child = spawnSync(process.execPath, args, { env: GIT_ENV, timeout: PEER_LIMIT_MS, maxBuffer: 2 ** 28 });
  if (child.error !== undefined && "code" in child.error && child.error.code === "ETIMEDOUT") return undefined;
  if (child.status !== 0) throw new Error(`${task}: ${child.error ?? child.stderr}`);
  return JSON.parse(child.stdout.toString()) as HistoryFigures;
}

/** How large the pack is, in words. */
function packOf(root: string): string {
  const directory = join(root, ".git/objects/pack");
  const pack = readdirSync(directory).find((name) => name.endsWith(".pack")) ?? "";
  return `a pack of ${Math.round(statSync(join(directory, pack)).size / 1e6)} MB`;
}
