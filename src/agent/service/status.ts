import { readdir, readFile } from "node:fs/promises";
import type { AgentStatus } from "../../protocol/index.js";
import { VERSION } from "../../util/index.js";
import type { TunnelStatus } from "../tunnel/tunnel.js";

/** What {@link agentStatus} puts together. */
export interface StatusParts {
  /** The relay's host and port. */
  relay: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  tunnel: TunnelStatus;
  chats: AgentStatus["chats"];
  trees: AgentStatus["trees"];
  /** The directories that may be shown. */
  allowed: readonly string[];
  watcher: AgentStatus["watcher"];
  /** What else is wrong, in words. */
  problems: readonly string[];
}

/** Over this share of the limit, file watches are about to run out. */
const WATCHES_SCARCE = 0.9;

/** How the agent is, with what is wrong in words. */
export async function agentStatus(parts: StatusParts): Promise<AgentStatus> {
  const { tunnel, trees } = parts;
  const watches = await countWatches();
  const { rss, heapUsed } = process.memoryUsage();
  const problems = [
    ...(tunnel.state !== "connected" && tunnel.problem !== undefined ? [tunnel.problem] : []),
    ...trees.flatMap(({ problem }) => problem ?? []),
    ...trees.flatMap(({ root, health }) => (health === "" ? [] : `${root}: ${health}`)),
    ...(watches !== null && watches.used > watches.limit * WATCHES_SCARCE
      ? [`${watches.used} of ${watches.limit} file watches are used; raise fs.inotify.max_user_watches`]
      : []),
    ...parts.problems,
  ];
  return {
    version: VERSION,
    pid: process.pid,
    started_at: time(parts.startedAt),
    connection: {
      relay: parts.relay,
      state: tunnel.state,
      since: time(tunnel.since),
      workspace: tunnel.workspace ?? null,
      problem: tunnel.problem ?? null,
      next_try_at: tunnel.nextTryAt === undefined ? null : time(tunnel.nextTryAt),
    },
    chats: parts.chats,
    trees,
    allowed: [...parts.allowed],
    watcher: parts.watcher,
    watches,
    memory: { rss_bytes: rss, heap_bytes: heapUsed },
    problems,
  };
}

/**
 * The inotify watches of this process, as `/proc/self/fdinfo` lists them (proc(5)), and the user's limit.
 * @returns `null` where there is no such list
 */
async function countWatches(): Promise<AgentStatus["watches"]> {
  try {
    const limit = Number(await readFile("/proc/sys/fs/inotify/max_user_watches", "utf8"));
    let used = 0;
    for (const fd of await readdir("/proc/self/fdinfo")) {
      const text = await readFile(`/proc/self/fdinfo/${fd}`, "utf8").catch(() => ""); // it was closed meanwhile
      used += text.match(/^inotify wd:/gm)?.length ?? 0;
    }
    return { used, limit };
  } catch {
    return null; // no such system
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
