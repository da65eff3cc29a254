import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { Program, programPath } from "../support/program.js";
import { GIT_ENV } from "../support/repo.js";
import { childrenOf } from "../support/systemd.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

const ENTRYPOINT = fileURLToPath(new URL("../../../container/entrypoint.sh", import.meta.url));
const NAMESPACES = ["--pid", "--fork", "--mount-proc", "--kill-child"];

const noNamespaces =
  (process.platform !== "linux" && "namespaces are Linux's") ||
  (process.getuid?.() !== 0 && "only root may make a namespace of processes") ||
  (!existsSync("/usr/bin/unshare") && "unshare is not here");

/** Runs a command as process 1 of a namespace of its own, as a container's. */
async function asFirst(t: Cleanup, ...command: string[]) {
  const home = tempDir(t);
  const bin = tempDir(t);
  symlinkSync(programPath("agent"), join(bin, "agent"));
  const child = spawn("unshare", [...NAMESPACES, "--", ...command], {
    env: {
      PATH: `${bin}:${GIT_ENV.PATH}`,
      HOME: home,
      TREEWIRE_AGENT_TOKEN: "x",
      TREEWIRE_RELAY: "http://127.0.0.1:9",
      TREEWIRE_ROOT: home,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  const program = new Program(command.join(" "), child);
  const logs = (words: string) =>
    until(`${words} in the log`, () => program.stderr.includes(words), { seen: () => program.stderr });
  const first = () => childrenOf(child.pid)[0] ?? "";
  /** Signals process 1 from outside, as a container's manager does. */
  const signal = (name: NodeJS.Signals) => process.kill(Number(first()), name);
  /** Runs a command beside process 1. @returns standard output */
  const beside = (...words: string[]) =>
    execFileSync("nsenter", ["-t", first(), "-p", "-m", "--", ...words], { stdio: ["ignore", "pipe", "pipe"] });
  return { program, logs, signal, beside };
}

t.test("in a container", { skip: noNamespaces }, async (t) => {
  t.test("the entry point hands signals on, reaps orphans, and leaves with the agent's status", async (t) => {
    const { program, logs, signal, beside } = await asFirst(t, ENTRYPOINT);
    await logs("TW_RELAY_UNREACHABLE");
    // its parent ends at once, so that process 1 is left with it
    const orphan = beside("sh", "-c", "sleep 0.1 >/dev/null & echo $!").toString().trim();
    await until(
      "nothing is left of the orphan",
      () => {
        const processes = beside("sh", "-c", "cd /proc && ls -d [0-9]*").toString().split("\n");
        return !processes.includes(orphan);
      },
      { seen: () => beside("cat", `/proc/${orphan}/status`).toString() },
    );
    signal("SIGHUP");
    await logs("reading token and certificates again");
    t.ok(program.running, "it is no reason to leave");
    signal("SIGTERM");
    t.same(await program.exit(), { status: 0, signal: null });

    const bad = await asFirst(t, ENTRYPOINT, "--log-level", "nonsense");
    t.equal((await bad.program.exit()).status, 2);
  });

  t.test("the agent alone as process 1 leaves on signals, and says that it reaps no orphans", async (t) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) {
      const { program, logs, signal } = await asFirst(t, process.execPath, programPath("agent"));
      await logs("as process 1 it reaps no orphans");
      await logs("TW_RELAY_UNREACHABLE");
      signal(name);
      t.same(await program.exit(), { status: 0, signal: null }, name);
    }
  });
});
