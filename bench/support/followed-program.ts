// The process whose cost the tree benchmark measures: it follows one working tree as the agent does, and tells its
// parent of each state and, when asked, what it has used.
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
  | { type: "refreshed" };

const RESOLUTION_MS = 5;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

const root = process.argv[2] ?? ".";
const tell = (message: Told): void => {
  process.send?.(message);
};
const opened = performance.now();
// the cost of a sweep is measured by itself: one that happened to fall into the quiet seconds would count twice
const host = new TreeHost({ logger: silentLogger(), sweep: false });
const tree = host.open(root);
tree.on("state", ({ files, head }) => {
  tell({ type: "state", files: files.length, head, sinceOpenMs: performance.now() - opened });
});
process.on("message", async (question: "usage" | "refresh" | "still") => {
  if (question === "still") {
    delay.disable(); // its timer is the busiest thing in an idle process
    return;
  }
  if (question === "refresh") {
    await tree.refresh();
    tell({ type: "refreshed" });
    return;
  }
  const { user, system } = process.cpuUsage();
  const loopDelayMs = Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS);
  tell({ type: "usage", usage: { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss(), loopDelayMs } });
});
