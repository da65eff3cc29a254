// The process whose cost benchmarks measure: it follows working trees as the agent does, and tells its parent of each
// state and, when asked, what it has used.
import { readdirSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { silentLogger } from "../../src/util/index.js";
import { TreeHost } from "../../src/worktree/index.js";

/** What the process has used since it began. */
export interface Usage {
  cpuMs: number;
  rssBytes: number;
  /** 99th percentile of the main thread's event-loop delay. */
  loopDelayMs: number;
}

/** Process → parent. */
export type Told =
  | { type: "state"; files: number; head: string; sinceOpenMs: number }
  | { type: "usage"; usage: Usage }
  | { type: "watches"; count: number }
  | { type: "refreshed"; ms: number };

const RESOLUTION_MS = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

const tell = (message: Told): void => {
  process.send?.(message);
};
const opened = performance.now();
// the cost of a sweep is measured by itself: one that happened to fall into the quiet seconds would count twice
const host = new TreeHost({ logger: silentLogger(), sweep: process.env.TREEWIRE_BENCH_LOOKS === "1" });
const roots = process.argv.slice(2);
const compares = process.env.TREEWIRE_BENCH_COMPARE;
const trees = roots.map((root) => host.open(root));
const compared = compares === "base" ? roots.map((root) => host.open(root, { request: { kind: "base" } })) : [];
for (const tree of compared.length > 0 ? compared : trees) {
  tree.on("state", ({ files, head }) => {
    tell({ type: "state", files: files.length, head, sinceOpenMs: performance.now() - opened });
  });
}
process.on("message", async (question: "usage" | "watches" | "refresh" | "still") => {
  if (question === "still") {
    delay.disable(); // its timer is the busiest thing in an idle process
    return;
  }
  if (question === "refresh") {
    const began = performance.now();
    await Promise.all(trees.map((tree) => tree.refresh()));
    tell({ type: "refreshed", ms: performance.now() - began });
    return;
  }
  if (question === "watches") {
    tell({ type: "watches", count: countWatches() });
    return;
  }
  const { user, system } = process.cpuUsage();
  const loopDelayMs = Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS);
  const rssBytes = process.memoryUsage.rss();
  tell({ type: "usage", usage: { cpuMs: (user + system) / 1000, rssBytes, loopDelayMs } });
});

/** inotify watches that the process holds, as `/proc/self/fdinfo` lists them (proc(5)); reading that list takes time. */
function countWatches(): number {
  const texts = readdirSync("/proc/self/fdinfo").map((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
    } catch {
      return ""; // the one of the listing itself
    }
  });
  return texts.join("").match(/^inotify wd:/gm)?.length ?? 0;
}
