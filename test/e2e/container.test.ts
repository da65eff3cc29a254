import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { Program, programPath } from "../support/program.js";
import { GIT_ENV } from "../support/repo.js";
import { childrenOf } from "../support/systemd.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

const script = (name: string) => fileURLToPath(new URL(`../../../container/${name}`, import.meta.url));
const ENTRYPOINT = script("entrypoint.sh");
const START = script("start.sh");
const NAMESPACES = ["--pid", "--fork", "--mount-proc", "--kill-child"];

const noNamespaces =
  (process.platform !== "linux" && "namespaces are Linux's") ||
  (process.getuid?.() !== 0 && "only root may make a namespace of processes") ||
  (!existsSync("/usr/bin/unshare") && "unshare is not here") ||
  (spawnSync("unshare", [...NAMESPACES, "true"]).status !== 0 && "no namespaces can be made");

/** Runs a command as process 1 of a namespace of its own, as a container's. */
async function asFirst(t: Cleanup, ...command: string[]) {
  const home = tempDir(t);
  const child = spawn("unshare", [...NAMESPACES, "--", ...command], {
    env: {
      PATH: GIT_ENV.PATH,
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

t.test("a start-up script", async (t) => {
  const home = tempDir(t);
  // another program of that name, as installers of others make one, answers for nobody
  writeFileSync(join(home, "agent"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  const env = {
    PATH: `${home}:${GIT_ENV.PATH}`,
    HOME: home,
    TREEWIRE_AGENT_TOKEN: "x",
    TREEWIRE_RELAY: "http://127.0.0.1:9",
    RESTART_SECONDS: "0",
    WAIT_SECONDS: "60",
  };
  const status = (...args: string[]) => spawnSync(process.execPath, [programPath("agent"), "status", ...args], { env });
  const start = () => execFileSync("sh", [START], { cwd: home, env, stdio: "ignore" });
  const log = join(home, ".local/state/treewire/agent.log");
  const pid = async (other?: number): Promise<number> =>
    until("an agent answers", () => {
      const { stdout, status: left } = status("--json");
      const found: number | undefined = left === 0 ? JSON.parse(stdout.toString()).pid : undefined;
      return found === other ? undefined : found;
    });
  start();
  const first = await pid();
  let last: number | undefined = first;
  t.teardown(() => last !== undefined && process.kill(last, "SIGTERM"));
  start();
  t.equal(await pid(), first, "where one runs, no other is started");
  process.kill(first, "SIGKILL");
  const second = await pid(first);
  last = second;
  process.kill(second, "SIGTERM");
  await until("it has left", () => !existsSync(`/proc/${second}`));
  last = undefined;
  t.match(readFileSync(log, "utf8"), /"leaving"/);
  t.equal(status().status, 1, "asked to leave, it is not started again");
});

t.test("a start-up script says what is wrong, and does not go on with what cannot work", async (t) => {
  const home = tempDir(t);
  const without = tempDir(t);
  for (const tool of ["sh", "env", "dirname", "readlink", "mkdir", "sleep", "tail"]) {
    symlinkSync(
      execFileSync("sh", ["-c", `command -v ${tool}`])
        .toString()
        .trim(),
      join(without, tool),
    );
  }
  const rows: [what: string, env: NodeJS.ProcessEnv, line: RegExp][] = [
    ["no relay", {}, /^treewire agent: .*no relay is set: give --relay URL or --join LINK.*$/m],
    [
      "bad settings",
      { TREEWIRE_RELAY: "http://127.0.0.1:9", TREEWIRE_LOG_LEVEL: "x" },
      /^treewire agent: TREEWIRE_LOG_LEVEL: bad configuration/m,
    ],
    ["no Node.js", { PATH: without }, /node.*(?:not found|No such file)/],
  ];
  for (const [what, more, line] of rows) {
    const env = { PATH: GIT_ENV.PATH, HOME: home, WAIT_SECONDS: "60", RESTART_SECONDS: "600", ...more };
    const { status, stderr } = spawnSync("/bin/sh", [START, join(home, `${what}.log`)], { cwd: home, env });
    t.equal(status, 2, what);
    t.match(stderr.toString(), /^treewire: the agent does not answer; the end of .*\.log:\n/);
    t.match(stderr.toString(), line, what);
  }
});

t.test("in a container", { skip: noNamespaces }, async (t) => {
  t.test("the entry point hands signals on, reaps orphans, and leaves with the agent's status", async (t) => {
    const { program, logs, signal, beside } = await asFirst(t, ENTRYPOINT);
    await logs("TW_RELAY_UNREACHABLE");
    // its parent ends at once, so that process 1 is left with it
    const orphan = beside("sh", "-c", "sleep 0.1 >/dev/null & echo $!").toString().trim();
    await until(
      "nothing is left of the orphan",
      () => {
        const processes = beside("sh", "-c", "cd /proc && echo [0-9]*").toString().trim().split(" ");
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
