import { execFile, execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ControlServer } from "../src/agent/control/control-server.js";
import type { AgentStatus } from "../src/protocol/index.js";
import { packagePath, silentLogger, VERSION } from "../src/util/index.js";
import { GIT_ENV, git } from "../test/support/repo.js";
import { FollowedProcess } from "./support/followed.js";
import { median, milliseconds, progress, ratioText } from "./support/measure.js";
import type { Goal, Report, Table } from "./support/publish.js";
import { type Resident, residentMemory, SETTLE_MS } from "./support/resident-memory.js";
import { bigTree } from "./support/trees.js";

const run = promisify(execFile);
const agent = packagePath("dist/bin/agent.cjs");
const treewire = packagePath("dist/bin/treewire.cjs");
const STARTS = 25;
const LOOKS = 9;
const UNTRACKED = 30_000;
const GAINED = 10_000;
const MEMORIES = 3;
const MAX_OUTPUT_BYTES = 2 ** 30;

/** What is run, by its name in the table. */
type Contest = Record<string, () => Promise<number>>;

interface Row {
  what: string;
  ms: number;
  ratio: number;
}

/** How long one waits for what prompts, hooks and a first look call, and what an agent holds while it waits itself. */
export async function benchmark(): Promise<Report> {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), "treewire-bench-")));
  try {
    const small = smallTree(join(scratch, "small"));
    const big = bigTree();
    const starts = await startsOf(small, scratch);
    const looks = await looksOf(big.root);
    const untracked = await untrackedOf(join(scratch, "untracked"));
    const gainedMs = await gainedOf(join(scratch, "gained"));
    progress("memory");
    const memory = { small: await memoryOf(small, scratch), big: await memoryOf(big.root, scratch) };
    return report({ starts, looks, untracked, gainedMs, memory });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A tree of one file, which differs. */
function smallTree(root: string): string {
  mkdirSync(root);
  writeFileSync(join(root, "file"), "a line\n");
  git(root, "init", "-q");
  git(root, "add", "-A");
  git(root, "commit", "-qm", "first");
  appendFileSync(join(root, "file"), "another line\n");
  return root;
}

async function startsOf(root: string, scratch: string): Promise<Row[]> {
  const socket = join(scratch, "agent.sock");
  const status = agentStatus();
  const answer: ControlServer = await ControlServer.listen(
    socket,
    async ({ type }) => (type === "status" ? { type: "status", status } : { type: "done" }),
    silentLogger(),
  );
  const node = (...args: string[]) => timed(root, process.execPath, args);
  try {
    return await contest("start", STARTS, {
      "`node -e 0`": () => node("-e", "0"),
      "`agent --once`": () => node(agent, "--once"),
      "`treewire diff`": () => node(treewire, "diff"),
      "`agent track`": () => node(agent, "track", "--chat", randomUUID(), "--socket", socket, join(root, "file")),
      "`agent status`": () => node(agent, "status", "--socket", socket),
    });
  } finally {
    await answer.close();
  }
}

async function looksOf(root: string): Promise<Row[]> {
  await timed(root, "git", ["status"]); // the file system has the pages from here on
  await FollowedProcess.compile(root);
  return contest("78,311 files", LOOKS, {
    "`git status`": () => timed(root, "git", ["status", "--porcelain"]),
    "`agent --once`": () => timed(root, process.execPath, [agent, "--once"]),
    "first state of the daemon": async () => {
      const followed = new FollowedProcess(root);
      const { sinceOpenMs } = await followed.state();
      await followed.close();
      return sinceOpenMs;
    },
  });
}

async function untrackedOf(root: string): Promise<Row[]> {
  smallTree(root);
  for (let at = 0; at < UNTRACKED; at++) {
    const folder = join(root, `folder${at % 100}`);
    if (at < 100) mkdirSync(folder);
    writeFileSync(join(folder, `file${at}`), `the content of ${at}\n`);
  }
  const paths = join(root, "..", "paths");
  return contest("untracked files", LOOKS, {
    // what git has to do for the same answer: into an index of its own, then the patches
    "`git add -N` and `git diff`": async () => {
      rmSync(paths, { force: true });
      const env = { ...GIT_ENV, GIT_INDEX_FILE: paths };
      const [read] = [await timed(root, "git", ["read-tree", "HEAD"], env)];
      const added = await timed(root, "git", ["add", "-N", "."], env);
      return read + added + (await timed(root, "git", ["diff", "HEAD"], env));
    },
    "`agent --once`": () => timed(root, process.execPath, [agent, "--once"]),
  });
}

/** From the end of the command that adds entries of a directory that is not there until a refresh answers, in milliseconds. */
async function gainedOf(root: string): Promise<number> {
  smallTree(root);
  const blob = git(root, "rev-parse", "HEAD:file");
  const lines = Array.from({ length: GAINED }, (_, at) => `100644 ${blob}\tabsent/${at % 100}/${at}\n`).join("");
  const times: number[] = [];
  for (let at = 0; at < LOOKS; at++) {
    progress(`an index gains ${GAINED} files: ${at + 1} of ${LOOKS}`);
    const followed = new FollowedProcess(root);
    await followed.state();
    execFileSync("git", ["-C", root, "update-index", "--index-info"], { env: GIT_ENV, input: lines });
    const began = performance.now();
    await followed.refresh();
    times.push(performance.now() - began);
    await followed.close();
    git(root, "reset", "-q");
  }
  return median(times);
}

async function memoryOf(root: string, scratch: string): Promise<Resident> {
  const all: Resident[] = [];
  while (all.length < MEMORIES) all.push(await residentMemory(agent, root, scratch));
  return {
    unwatchedBytes: median(all.map(({ unwatchedBytes }) => unwatchedBytes)),
    watchedBytes: median(all.map(({ watchedBytes }) => watchedBytes)),
  };
}

/** Runs all in turn, again and again, so that whatever else the machine does meets each of them. Ratios are to the first. */
async function contest(what: string, rounds: number, all: Contest): Promise<Row[]> {
  const times = new Map<string, number[]>(Object.keys(all).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    progress(`${what}: ${round + 1} of ${rounds}`);
    for (const [name, one] of Object.entries(all)) times.get(name)?.push(await one());
  }
  const medians = [...times].map(([name, each]) => ({ what: name, ms: median(each) }));
  return medians.map((row) => ({ ...row, ratio: row.ms / (medians[0]?.ms ?? Number.NaN) }));
}

async function timed(cwd: string, program: string, args: string[], env: NodeJS.ProcessEnv = GIT_ENV): Promise<number> {
  const start = performance.now();
  await run(program, args, { cwd, env, encoding: "buffer", maxBuffer: MAX_OUTPUT_BYTES });
  return performance.now() - start;
}

function agentStatus(): AgentStatus {
  const now = new Date().toISOString();
  return {
    version: VERSION,
    pid: process.pid,
    started_at: now,
    connection: {
      relay: "relay.example",
      state: "connected",
      since: now,
      workspace: null,
      problem: null,
      next_try_at: null,
    },
    chats: [],
    trees: [],
    allowed: [],
    watcher: null,
    watches: null,
    memory: { rss_bytes: 0, heap_bytes: 0 },
    problems: [],
  };
}

interface Figures {
  starts: readonly Row[];
  looks: readonly Row[];
  untracked: readonly Row[];
  gainedMs: number;
  memory: { small: Resident; big: Resident };
}

function report({ starts, looks, untracked, gainedMs, memory }: Figures): Report {
  const { small, big } = memory;
  const unwatched = Math.max(small.unwatchedBytes, big.unwatchedBytes);
  const most = (what: string, rows: readonly Row[], at: number, limit: number): Goal => {
    const ratio = rows[at]?.ratio ?? Number.NaN;
    return { what, goal: `≤ ${limit}×`, reached: ratioText(ratio), met: ratio <= limit };
  };
  const holds = (what: string, bytes: number, limit: number): Goal => ({
    what,
    goal: `≤ ${limit} MB`,
    reached: `${Math.round(bytes / 1e6)} MB`,
    met: bytes <= limit * 1e6,
  });
  return {
    title: "Start, first look and memory",
    method:
      `Programs are started as processes and waited for, in turn: medians of ${STARTS} starts and of ${LOOKS} looks, the file ` +
      "system's pages in memory, and what was compiled at an earlier start in the user's cache. `track` and `status` ask an agent that answers at once. The first state counts from the " +
      "moment that the tree is opened in a process that runs. Memory is the resident set of the installed agent under its " +
      `unit's environment, beside a relay, after ${SETTLE_MS / 1000} quiet seconds; medians of ${MEMORIES}.`,
    tables: [
      table("A tree of one file, which differs", starts),
      table("Linux 6.1 sources, nothing differs", looks),
      table(`${UNTRACKED.toLocaleString("en")} untracked files`, untracked),
    ],
    goals: [
      most("`agent --once`, one changed file, to Node's start", starts, 1, 1.8),
      most("`treewire diff`, one changed file, to Node's start", starts, 2, 1.8),
      most("`agent track`, to Node's start", starts, 3, 1.8),
      most("`agent status`, to Node's start", starts, 4, 1.8),
      most("`agent --once`, 78,311 files, to `git status`", looks, 1, 1.5),
      most("first state, 78,311 files, to `git status`", looks, 2, 1.5),
      most("`agent --once`, 30,000 untracked files, to git", untracked, 1, 1.5),
      {
        what: `the index gains ${GAINED.toLocaleString("en")} files of an absent directory`,
        goal: "≤ 1 s",
        reached: milliseconds(gainedMs),
        met: gainedMs <= 1000,
      },
      holds("memory, nobody watches", unwatched, 60),
      holds("memory, a tree of one file", small.watchedBytes, 75),
      holds("memory, 78,311 files", big.watchedBytes, 120),
    ],
  };
}

function table(title: string, rows: readonly Row[]): Table {
  const first = rows[0]?.what ?? "";
  return {
    title,
    columns: [{ head: "what" }, { head: "median", align: "right" }, { head: `to ${first}`, align: "right" }],
    rows: rows.map(({ what, ms, ratio }) => [what, milliseconds(ms), ratioText(ratio)]),
  };
}
