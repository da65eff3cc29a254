import { TrackStore } from "../../src/agent/chats/track-store.js";
import { Daemon, type DaemonOptions } from "../../src/agent/daemon.js";
import { tunnelUrl } from "../../src/agent/tunnel/tunnel-url.js";
import { createLogger, fixedToken } from "../../src/util/index.js";
import { findRepositories, resolveRoot, TreeHost } from "../../src/worktree/index.js";
import { type Cleanup, tempDir } from "./temp.js";

/** An agent in this process that follows real working trees and may show all of them, and what it logs. */
export function startLinkedAgent(
  t: Cleanup,
  { url, token, tunnel }: { url: string; token: string; tunnel?: DaemonOptions["tunnel"] },
): { daemon: Daemon; log: string[] } {
  const log: string[] = [];
  const logger = createLogger("agent", "debug", { write: (line) => void log.push(line) });
  const host = new TreeHost({ logger: createLogger("agent", "silent") });
  const daemon = new Daemon({
    url: tunnelUrl(url),
    token: fixedToken(token),
    roots: [tempDir(t)],
    agent: "treewire/test",
    logger,
    source: host,
    finder: {
      allowedFor: async () => ["/"],
      findRepositories: (directory) => findRepositories(directory),
      resolveRoot,
      kind: () => "directory",
    },
    tracked: TrackStore.unremembered(logger),
    ...(tunnel !== undefined && { tunnel }),
  });
  const ended = daemon.run();
  t.teardown(async () => {
    await daemon.stop();
    await ended;
    await host.close();
  });
  return { daemon, log };
}
