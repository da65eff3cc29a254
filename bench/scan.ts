import { execFileSync } from "node:child_process";
import { type FSWatcher, lstatSync, mkdtempSync, readdirSync, realpathSync, rmSync, watch } from "node:fs";
import { lstat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openRepository } from "../src/git/index.js";
import { GIT_ENV, git } from "../test/support/repo.js";
import { FollowedProcess } from "./support/followed.js";
import { median, milliseconds, progress, ratioText, timeOf, timesOf } from "./support/measure.js";
import type { Report, Table } from "./support/publish.js";
import { type BenchTree, bigTree, smallTrees } from "./support/trees.js";

const RUNS = 7;
const BUDGET_MS = 10_000;
/** Calls of `lstat` that are under way together where each is a promise. */
const AT_ONCE = 256;

/** What the first look at a tree is made of, each step alone, beside git's own answer to the same question. */
export async function benchmark(): Promise<Report> {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), "treewire-bench-")));
  try {
    const tables: Table[] = [];
    for (const tree of [...smallTrees(scratch).slice(-1), bigTree()]) tables.push(await measure(tree));
    return {
      title: "The first look, step by step",
      method:
        "Each step of [the first scan](first-scan.md) alone, on one thread, with the file system's pages in memory; " +
        "medians of several runs. Steps do not add up: two threads share the work of the whole. " +
        "The whole counts from the moment that the tree is opened in a process that runs, the start of both threads included; " +
        "an earlier start has compiled their code.",
      tables,
      goals: [],
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function measure({ name, root }: BenchTree): Promise<Table> {
  const files = git(root, "ls-files", "-z")
    .split("\0")
    .filter((path) => path !== "");
  const directories = [...new Set(files.flatMap(parentsOf)), ""].map((path) => join(root, path));
  const status = (...options: string[]): void => {
    execFileSync("git", ["-C", root, "status", "--porcelain", ...options], { env: GIT_ENV });
  };
  let repository = openRepository(root);
  status(); // the file system has the pages from here on
  const statusMs = typical(() => status());
  const steps: [what: string, ms: number][] = [
    ["`git status`", statusMs],
    ["`git status`, tracked files alone", typical(() => status("--untracked-files=no"))],
    [
      "the index, read and its entries found",
      typical(
        () => {
          repository = openRepository(root); // one that was read is kept
        },
        () => repository.index(),
      ),
    ],
    ["`lstat` of every tracked file", typical(() => each(files, (path) => lstatSync(join(root, path))))],
    [`the same through promises, ${AT_ONCE} at a time`, await promisedLooks(files.map((path) => join(root, path)))],
    ["the names in every directory", typical(() => each(directories, (path) => readdirSync(path, "latin1")))],
    ["a watch on every directory", watchAll(directories)],
    ["**the first state, all of it, with watches**", await firstState(root, name)],
  ];
  return {
    title: `${name}: ${files.length.toLocaleString("en")} files in ${directories.length.toLocaleString("en")} directories`,
    columns: [{ head: "step" }, { head: "median", align: "right" }, { head: "to `git status`", align: "right" }],
    rows: steps.map(([what, ms]) => [what, milliseconds(ms), ratioText(ms / statusMs)]),
  };
}

/** @param prepare runs before each call and is not counted, when there are two */
function typical(prepare: () => unknown, run?: () => unknown): number {
  if (run === undefined) return median(timesOf(prepare, RUNS, BUDGET_MS));
  return median(
    Array.from({ length: RUNS }, () => {
      prepare();
      return timeOf(run);
    }),
  );
}

function each(paths: readonly string[], look: (path: string) => unknown): void {
  for (const path of paths) look(path);
}

async function promisedLooks(paths: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    for (let at = 0; at < paths.length; at += AT_ONCE) {
      await Promise.all(paths.slice(at, at + AT_ONCE).map((path) => lstat(path)));
    }
    times.push(performance.now() - start);
  }
  return median(times);
}

function watchAll(directories: readonly string[]): number {
  const times = Array.from({ length: RUNS }, () => {
    const watchers: FSWatcher[] = [];
    const time = timeOf(() => {
      for (const path of directories) watchers.push(watch(path));
    });
    for (const watcher of watchers) watcher.close();
    return time;
  });
  return median(times);
}

async function firstState(root: string, name: string): Promise<number> {
  await FollowedProcess.compile(root);
  const times: number[] = [];
  for (let at = 0; at < RUNS; at++) {
    progress(`${name}: first state ${at + 1} of ${RUNS}`);
    const followed = new FollowedProcess(root);
    times.push((await followed.state()).sinceOpenMs);
    await followed.close();
  }
  return median(times);
}

function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === "." ? [] : [parent, ...parentsOf(parent)];
}
