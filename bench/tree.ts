import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, lstatSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sweepDelay } from "../src/worktree/follow/sweeper.js";
import { Random } from "../test/support/random.js";
import { GIT_ENV, git } from "../test/support/repo.js";
import { measureEdits } from "./support/edits.js";
import { FollowedProcess, SETTLE_MS } from "./support/followed.js";
import { median, milliseconds, progress, quantile, ratioText, timeOf } from "./support/measure.js";
import type { PeerTimes } from "./support/peer-scan.js";
import type { Goal, Report } from "./support/publish.js";
import { type BenchTree, bigTree, smallTrees } from "./support/trees.js";

const peer = fileURLToPath(new URL("./support/peer-scan.js", import.meta.url));
const EDITS = 200;
const FIRST_STATES = 5;
const REFRESHES = 25;
const IDLE_MS = 20_000;
const CHECKOUT_FILES = 1000;

interface Figures {
  tree: string;
  files: number;
  statusMs: number;
  firstMs: number;
  editMedianMs: number;
  editP99Ms: number;
  editCpuMs: number;
  refreshMs: number;
  refreshCpuMs: number;
  peerMs: number;
  peerCpuMs: number;
  checkoutMs: number;
  loopDelayMs: number;
  rssBytes: number;
  idleShare: number;
}

/** Follows real trees and measures what an edit costs until it is known, beside git and beside the peer's scan. */
export async function benchmark(): Promise<Report> {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), "treewire-bench-")));
  try {
    const trees = [...smallTrees(scratch), bigTree()];
    const figures: Figures[] = [];
    for (const tree of trees) figures.push(await measure(tree));
    return report(figures);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function measure({ name, root }: BenchTree): Promise<Figures> {
  const tracked = git(root, "ls-files").split("\n");
  const say = (what: string): void => progress(`${name}: ${what}`);
  say("git status, first state");
  const status = (): unknown => execFileSync("git", ["-C", root, "status", "--porcelain"], { env: GIT_ENV });
  status(); // the file system has the pages from here on
  const statusTimes: number[] = [];
  const firstTimes: number[] = [];
  await FollowedProcess.compile(root);
  for (let at = 0; at < FIRST_STATES; at++) {
    statusTimes.push(timeOf(status));
    const once = new FollowedProcess(root);
    firstTimes.push((await once.state()).sinceOpenMs);
    await once.close();
  }

  const followed = new FollowedProcess(root);
  await followed.state();
  const edits = await editFigures(followed, root, tracked, say);
  say("checkout");
  const checkoutMs = await measureCheckout(followed, root, tracked);
  say("refreshes");
  const refreshes = await measureRefreshes(followed);
  say("idle");
  const idleShare = await measureIdle(followed);
  const { loopDelayMs, rssBytes } = await followed.usage();
  await followed.close();
  say("a look at everything");
  const sweepCostMs = await FollowedProcess.lookCpuMs(root);
  say("the peer");
  const scans = peerScans(root);
  return {
    tree: name,
    files: tracked.length,
    statusMs: median(statusTimes),
    firstMs: median(firstTimes),
    ...edits,
    ...refreshes,
    ...scans,
    checkoutMs,
    loopDelayMs,
    rssBytes,
    idleShare: idleShare + sweepCostMs / sweepDelay(sweepCostMs, "prompt"),
  };
}

async function editFigures(
  followed: FollowedProcess,
  root: string,
  tracked: readonly string[],
  say: (what: string) => void,
): Promise<Pick<Figures, "editMedianMs" | "editP99Ms" | "editCpuMs">> {
  const texts = tracked.filter((path) => /\.(c|h|[cm]?[jt]s|md|json|txt)$/.test(path));
  await rest(500);
  const { timesMs, cpuMs } = await measureEdits(followed, root, texts, { edits: EDITS, random: new Random(1), say });
  return {
    editMedianMs: median(timesMs),
    editP99Ms: quantile(timesMs, 0.99),
    editCpuMs: cpuMs / timesMs.length,
  };
}

/** From the end of a checkout that changes many files until the state is clean on the other branch. */
async function measureCheckout(followed: FollowedProcess, root: string, tracked: readonly string[]): Promise<number> {
  const branch = git(root, "rev-parse", "--abbrev-ref", "HEAD");
  const step = Math.max(1, Math.floor(tracked.length / CHECKOUT_FILES));
  const changed = tracked
    .filter((path, at) => at % step === 0 && lstatSync(join(root, path)).isFile()) // a link may lead nowhere
    .slice(0, CHECKOUT_FILES);
  git(root, "checkout", "-q", "-b", "treewire-bench");
  for (const path of changed) appendFileSync(join(root, path), "\n// changed\n");
  git(root, "commit", "-qam", "many");
  git(root, "checkout", "-q", branch);
  const there = git(root, "rev-parse", "treewire-bench");
  await followed.refresh();
  try {
    const right = followed.state(({ head, files }) => head === there && files === 0);
    git(root, "checkout", "-q", "treewire-bench");
    const began = performance.now();
    await right;
    return performance.now() - began;
  } finally {
    git(root, "checkout", "-q", branch);
    git(root, "branch", "-qD", "treewire-bench");
  }
}

/** Refreshes of a tree that rests, until the answer, without the look behind it. */
async function measureRefreshes(followed: FollowedProcess): Promise<Pick<Figures, "refreshMs" | "refreshCpuMs">> {
  followed.still();
  await rest(1000);
  const times: number[] = [];
  const before = await followed.usage();
  for (let at = 0; at < REFRESHES; at++) times.push(await followed.refresh());
  const after = await followed.usage();
  return { refreshMs: median(times), refreshCpuMs: (after.cpuMs - before.cpuMs) / REFRESHES };
}

/** CPU while nothing happens, as a share of a core. */
async function measureIdle(followed: FollowedProcess): Promise<number> {
  await rest(SETTLE_MS);
  const before = await followed.usage();
  await rest(IDLE_MS);
  const idle = await followed.usage();
  return (idle.cpuMs - before.cpuMs) / IDLE_MS;
}

/** The peer's scan: its own time, and its processes' CPU without that of starting the program once. */
function peerScans(root: string): Pick<Figures, "peerMs" | "peerCpuMs"> {
  const cpuOf = (runs: number): number => {
    const script = 'TIMEFORMAT="%3U %3S"; time "$0" "$@" > /dev/null';
    const { stderr } = spawnSync("bash", ["-c", script, process.execPath, peer, root, String(runs)], { env: GIT_ENV });
    const [user = 0, system = 0] = stderr.toString().trim().split(" ").map(Number);
    return (user + system) * 1000;
  };
  const out = execFileSync(process.execPath, [peer, root, "9"], { env: GIT_ENV });
  const { median_ms }: PeerTimes = JSON.parse(out.toString());
  return { peerMs: median_ms, peerCpuMs: (cpuOf(9) - cpuOf(1)) / 8 };
}

function report(figures: readonly Figures[]): Report {
  const big = figures.at(-1);
  if (big === undefined) throw new Error("no tree was measured");
  return {
    title: "A followed tree",
    method:
      "Each tree is followed by a process of its own, as the agent does it under its unit's environment; times run from the system call that " +
      "changes a file to the listener in that process (and on to the one that measures). Peers, in the same run: " +
      "`git status`, and the scan that the best-known workspace agent runs for each trigger. CPU counts all threads. " +
      "The first state counts from the moment the tree is opened, the start of the thread included, whose code an earlier start has compiled. Idle CPU is that of 20 quiet seconds, a minute after the last change, and one sweep over the interval that follows from its cost. " +
      "A refresh counts until its answer; behind it comes a look at everything, at most once in 5 s.",
    tables: [
      {
        title: "Times",
        columns: [
          { head: "tree" },
          ...[
            "files",
            "git status",
            "first state",
            "edit, median",
            "edit, 99 %",
            "refresh",
            "peer's scan",
            "1,000-file checkout",
          ].map((head) => ({ head, align: "right" as const })),
        ],
        rows: figures.map((f) => [
          f.tree,
          f.files.toLocaleString("en"),
          ...[f.statusMs, f.firstMs, f.editMedianMs, f.editP99Ms, f.refreshMs, f.peerMs, f.checkoutMs].map(
            milliseconds,
          ),
        ]),
      },
      {
        title: "Costs",
        columns: [
          { head: "tree" },
          ...[
            "CPU of an edit",
            "CPU of a refresh",
            "CPU of a peer's scan",
            "resident memory",
            "loop delay, 99 %",
            "idle CPU",
          ].map((head) => ({
            head,
            align: "right" as const,
          })),
        ],
        rows: figures.map((f) => [
          f.tree,
          milliseconds(f.editCpuMs),
          milliseconds(f.refreshCpuMs),
          milliseconds(f.peerCpuMs),
          megabytes(f.rssBytes),
          milliseconds(f.loopDelayMs),
          percent(f.idleShare),
        ]),
      },
    ],
    goals: goals(big),
  };
}

function goals(big: Figures): Goal[] {
  const goal = (what: string, wanted: string, reached: string, met: boolean): Goal => ({
    what,
    goal: wanted,
    reached,
    met,
  });
  const first = big.firstMs / big.statusMs;
  const cpu = big.peerCpuMs / big.editCpuMs;
  const refresh = big.refreshMs / big.statusMs;
  const refreshCpu = big.peerCpuMs / big.refreshCpuMs;
  const { editMedianMs, editP99Ms, checkoutMs, loopDelayMs, rssBytes, idleShare } = big;
  return [
    goal("first state, to git status", "≤ 2×", ratioText(first), first <= 2),
    goal("an edit at the listener, median", "≤ 10 ms", milliseconds(editMedianMs), editMedianMs <= 10),
    goal("an edit at the listener, 99th percentile", "≤ 75 ms", milliseconds(editP99Ms), editP99Ms <= 75),
    goal("CPU of the peer's scan, to that of an edit", "≥ 50×", ratioText(cpu), cpu >= 50),
    goal("a refresh, to git status", "≤ 0.1×", ratioText(refresh), refresh <= 0.1),
    goal("CPU of the peer's scan, to that of a refresh", "≥ 20×", ratioText(refreshCpu), refreshCpu >= 20),
    goal("right after a checkout of 1,000 files", "≤ 1 s", milliseconds(checkoutMs), checkoutMs <= 1000),
    goal("main thread's loop delay, 99th percentile", "≤ 20 ms", milliseconds(loopDelayMs), loopDelayMs <= 20),
    goal("resident memory", "≤ 150 MB", megabytes(rssBytes), rssBytes <= 150e6),
    goal("idle CPU, sweep included", "≤ 0.5 %", percent(idleShare), idleShare <= 0.005),
  ];
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
