import { fileURLToPath } from "node:url";
import t from "tap";
import yargs from "yargs";
import { daemonArguments, quickAction } from "../../../src/agent/cli/quick.js";
import { AGENT_SETTINGS, agentSettings } from "../../../src/agent/cli/settings.js";
import { ControlServer } from "../../../src/agent/control/control-server.js";
import type { ControlRequest } from "../../../src/protocol/index.js";
import { settingOptions, silentLogger, withSettings } from "../../../src/util/index.js";
import fc from "../../support/fast-check.js";
import { runProgram } from "../../support/program.js";
import { createRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

const CHAT = "10000000-0000-4000-8000-00000000000a";
/** The program whose parser knows all commands. */
const wholeOf = (name: string) => fileURLToPath(new URL(`../../../bin/${name}.js`, import.meta.url));

t.test("commands of prompts and hooks do not wait for the parser of all commands", async (t) => {
  const rows: string[][] = [
    ["--once"],
    ["--once", "a", "/b"],
    ["a", "--once", "--format", "stat", "--exit-code", "--filters", "none"],
    ["--once", "--compare", "base"],
    ["diff"],
    ["diff", "a", "--format", "json", "--exit-code", "--compare", "base", "/b"],
    ["track", "--chat", CHAT, "a"],
    ["track", "--hook", "--socket", "/s", "--state-dir", "d", "--config", "f"],
    ["track", "--ancestor", CHAT, "b", "--chat", CHAT, "--ancestor", CHAT],
    ["status"],
    ["status", "--json", "--socket", "/s"],
  ];
  for (const row of rows) t.ok(quickAction(row), row.join(" "));
});

t.test("whatever has not one meaning alone is left to it", async (t) => {
  const rows: string[][] = [
    [],
    ["a"],
    ["--help"],
    ["--once", "--help"],
    ["--once", "--once"],
    ["--once=true"],
    ["--once", "true"],
    ["--once", "--no-exit-code"],
    ["--once", "--exitCode"],
    ["--once", "--", "a"],
    ["--once", "-x"],
    ["--once", ""],
    ["--once", "7"],
    ["--once", '"a"'],
    ["--once", "status"],
    ["--once", "--format"],
    ["--once", "--format", "xml"],
    ["--once", "--format", "stat", "--format", "json"],
    ["--once", "--format", "--exit-code"],
    ["--once", "--relay", "http://x"],
    ["--once", "--redact"],
    ["--json", "status"],
    ["diff", "--help"],
    ["diff", "--once"],
    ["diff", "--redact"],
    ["diff", "--compare"],
    ["diff", "--compare", "nonsense"],
    ["diff", "--compare", "ref:main"],
    ["diff", "--compare", "head", "--compare", "base"],
    ["diff", "--format", "commits"],
    ["--exit-code", "diff"],
    ["status", "a"],
    ["status", "--chat", CHAT],
    ["track", "a"],
    ["track", "--chat", CHAT],
    ["track", "--chat", "--hook"],
    ["track", "--chat", CHAT, "--chat", CHAT, "a"],
    ["untrack", "--chat", CHAT],
    ["config"],
    ["--relay", "http://x"],
  ];
  for (const row of rows) t.equal(quickAction(row), undefined, row.join(" "));
});

t.test("settings of the daemon are read as that parser reads them", async (t) => {
  const words = settingOptions(AGENT_SETTINGS).map((name) => {
    const { kind, choices = ["a", "/b/c", "https://d.example/", "E: f g", "h=i"] } = AGENT_SETTINGS.settings[name];
    const values = fc.array(fc.constantFrom(...choices), { maxLength: kind === "list" ? 3 : 1 });
    return values.map((given) => given.map((value) => [`--${name}`, value]));
  });
  const lines = fc
    .tuple(...words)
    .chain((given) => fc.shuffledSubarray(given.flat(), { minLength: given.flat().length }));
  await fc.assert(
    fc.asyncProperty(lines, async (line) => {
      const argv = line.flat();
      const parsed = await withSettings(yargs(argv), AGENT_SETTINGS).parseAsync();
      const given = daemonArguments(["run", ...argv]);
      t.same(given && agentSettings(given, {}), agentSettings(parsed, {}), argv.join(" "));
      const isForDaemon = argv.includes("--relay");
      t.same(daemonArguments(argv), isForDaemon ? given : undefined, "a relay says that it is meant");
    }),
    { numRuns: 50 },
  );
});

t.test("a command line of the daemon that has not one meaning alone is left to it", async (t) => {
  const rows: string[][] = [
    ["run", "--help"],
    ["run", "a"],
    ["run", "--relay"],
    ["run", "--relay", ""],
    ["run", "--relay", "http://x", "--relay", "http://y"],
    ["run", "--relay=http://x"],
    ["run", "--root", "7"],
    ["run", "--log-level", "loud"],
    ["run", "--logLevel", "info"],
    ["run", "--agent-token", "secret"],
    ["run", "--join", "link"],
    ["run", "--config-dir", "d"],
    ["--relay", "http://x", "a"],
    ["--relay", "http://x", "--join", "link"],
    ["--root", "a"],
    [],
  ];
  for (const row of rows) t.equal(daemonArguments(row), undefined, row.join(" "));
});

t.test("both ways print the same, leave with the same status and ask the agent the same", async (t) => {
  const dir = tempDir(t);
  const repo = createRepo(t, { one: "1\n", two: "2\n" });
  repo.write("one", "changed\n");
  const socket = `${dir}/agent.sock`;
  const requests: ControlRequest[] = [];
  const handler = async (request: ControlRequest) => {
    requests.push(request);
    return { type: "done" as const };
  };
  const server = await ControlServer.listen(socket, handler, silentLogger());
  t.teardown(() => server.close());
  const rows: { name?: "treewire"; args: string[]; status: number }[] = [
    { args: ["--once"], status: 0 },
    { args: ["two", "--once", "--exit-code", "--format", "stat", "one"], status: 1 },
    { args: ["--once", "--filters", "none", "--format", "json", repo.root], status: 0 },
    { args: ["--once", "missing"], status: 2 },
    { args: ["diff", "--exit-code"], status: 1 },
    { args: ["diff", "--compare", "base", "--format", "json", "."], status: 0 },
    { args: ["track", "a", "--ancestor", CHAT.toUpperCase(), "--chat", CHAT, "/b", "--socket", socket], status: 0 },
    { args: ["track", "--chat", "x", "/x", "--socket", socket], status: 2 },
    { args: ["track", "--chat", CHAT, "/x", "--state-dir", "none"], status: 1 },
    { args: ["status", "--config", "missing"], status: 2 },
    { args: ["run"], status: 2 },
    { args: ["run", "--relay", "ftp://x"], status: 2 },
    { args: ["--relay", "http://127.0.0.1:1"], status: 2 },
    { args: ["run", "--config", "missing"], status: 2 },
    { name: "treewire", args: ["agent", "run"], status: 2 },
    { name: "treewire", args: ["diff", "--format", "stat"], status: 0 },
    { name: "treewire", args: ["diff", "missing"], status: 2 },
    { name: "treewire", args: ["agent", "--once", "--exit-code"], status: 1 },
    { name: "treewire", args: ["agent", "track", "--chat", CHAT, "/b", "--socket", socket], status: 0 },
    { name: "treewire", args: ["agent", "status", "--config", "missing"], status: 2 },
  ];
  for (const { name = "agent", args, status } of rows) {
    const ofAgent = args[0] === "agent" ? args.slice(1) : args;
    t.ok(quickAction(ofAgent) ?? daemonArguments(ofAgent), args.join(" "));
    requests.length = 0;
    const quick = await runProgram(t, name, args, { cwd: repo.root });
    const asked = requests.splice(0);
    const full = await runProgram(t, name, args, { cwd: repo.root, program: wholeOf(name) });
    const seen = ({ status, stdout, stderr }: typeof quick) => ({
      status,
      stdout: stdout.replace(/"scanned_at":"[^"]+"/, ""),
      stderr: stderr.replace(/^(treewire )?agent: .*\/treewire\/agent\.sock/, "agent: (the socket)"), // each process has a home of its own
    });
    t.same(seen(quick), seen(full), args.join(" "));
    t.same(asked, requests);
    t.equal(quick.status, status);
  }
});
