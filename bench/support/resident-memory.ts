import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FakeRelay } from "../../test/support/fake-relay.js";
import { GIT_ENV } from "../../test/support/repo.js";
import { unitEnvironment } from "./followed.js";

/** How long memory is left to settle, in milliseconds: V8 collects when nothing happens. */
export const SETTLE_MS = 20_000;

/** What the agent's process holds in bytes, as `/proc/PID/status` has it. */
export interface Resident {
  /** Before anybody watches. */
  unwatchedBytes: number;
  /** While the tree is watched and nothing happens. */
  watchedBytes: number;
}

/** Starts the installed agent beside a relay that has it watch one tree. @param scratch for what it keeps */
export async function residentMemory(program: string, root: string, scratch: string): Promise<Resident> {
  const teardowns: (() => unknown)[] = [];
  const relay = await FakeRelay.start({ teardown: (run) => void teardowns.push(run) });
  const state = mkdtempSync(join(scratch, "state-"));
  const places = { XDG_STATE_HOME: state, XDG_RUNTIME_DIR: state, TREEWIRE_AGENT_TOKEN: "a-token" };
  const agent = spawn(process.execPath, [program, "--relay", relay.url, "--root", root, "--log-level", "error"], {
    env: { ...GIT_ENV, ...unitEnvironment(), ...places },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(agent, "exit");
  const settled = async (): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const status = readFileSync(`/proc/${agent.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
  };
  try {
    const connection = await relay.connection();
    connection.welcome();
    const unwatchedBytes = await settled();
    connection.send({ type: "watch", chat: randomUUID(), paths: [root] });
    await connection.nth("tree", 1);
    return { unwatchedBytes, watchedBytes: await settled() };
  } finally {
    agent.kill();
    await ended;
    for (const run of teardowns) await run();
  }
}
