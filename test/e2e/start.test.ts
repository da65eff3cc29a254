import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import t from "tap";
import { WebSocket } from "ws";
import { runProgram, startProgram } from "../support/program.js";
import { createRepo, expectedOf } from "../support/repo.js";
import { tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

/** Until five programs have started, one after the other: that is no bound on them, and a busy machine takes long. */
const STARTED_MS = 60_000;

t.test(
  "npm start shows an edit, says how to connect, shows no token to others, and leaves nothing behind",
  async (t) => {
    const repo = createRepo(t, { "a.txt": "one\n" });
    const tmp = tempDir(t);
    // as npm does it: in the package's directory, with the caller's in INIT_CWD
    const start = startProgram(t, "treewire", ["a.txt"], {
      env: { npm_lifecycle_event: "start", npm_package_name: "treewire", INIT_CWD: repo.root, TMPDIR: tmp },
    });
    await start.line("the clean tree", (line) => line === "clean", STARTED_MS);
    repo.write("a.txt", "two\n");
    await start.line("the edit", (line) => line === "+two");

    const page = await fetch(/open +(http:\S+)#token=twc_\S+/.exec(start.stdout)?.[1] ?? "");
    t.match(await page.text(), /<main data-state="connecting">/, "the first line is the page's address");
    const url = /URL +(ws:\S+)/.exec(start.stdout)?.[1] ?? "";
    const file = /token +in (\S+),/.exec(start.stdout)?.[1] ?? "";
    t.equal(statSync(file).mode & 0o777, 0o600, "the token is the user's alone");
    t.equal(statSync(dirname(file)).mode & 0o777, 0o700);
    const refused = new WebSocket(url);
    await t.rejects(new Promise((resolve, reject) => refused.on("open", resolve).on("error", reject)), {
      message: /401/,
    });

    const args = /connect +node \S+ (watch .*)$/m.exec(start.stdout)?.[1]?.split(" ") ?? [];
    const watch = startProgram(t, "relay", [...args, "--json"]);
    const first = JSON.parse(await watch.line("its first frame", (line) => line.startsWith("{"), STARTED_MS));
    t.match(first, {
      type: "changes",
      repositories: [{ repo_root: repo.root, unified_diff: expectedOf(repo.root).unified_diff.toString() }],
    });
    repo.write("a.txt", "three\n");
    await until("the edit", () => watch.stdout.split("\n").filter((line) => line.includes("+three")).length === 1);
    const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    t.ok(processes.length > 3);
    const lines = processes.map(commandLine).filter((line) => line.includes("treewire-start-"));
    t.ok(lines.length >= 3, "relay, agent, clients");
    t.same(
      lines.filter((line) => /tw[ac]_/.test(line)),
      [],
    );
    await watch.stop();

    start.child.kill("SIGINT");
    t.same(await start.exit(), { status: 0, signal: null });
    t.equal(start.stderr, "");
    t.same(readdirSync(tmp), []);
  },
);

t.test("npm start on a directory shows the repositories in it", async (t) => {
  const home = tempDir(t);
  const repo = createRepo(t, { a: "1\n" }, `${home}/project`);
  repo.write("a", "2\n");
  const start = startProgram(t, "treewire", [home]);
  await start.line("the diff", (line) => line === "+2", STARTED_MS);
  start.child.kill("SIGTERM");
  t.equal((await start.exit()).status, 0);
});

t.test("however treewire ends, relay and agent end with it", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const tmp = tempDir(t);
  const start = startProgram(t, "treewire", [repo.root], { env: { TMPDIR: tmp } });
  await start.line("the clean tree", (line) => line === "clean", STARTED_MS);
  const left = () =>
    readdirSync("/proc").filter((name) => /^\d+$/.test(name) && commandLine(name).includes(`${tmp}/treewire-start-`));
  t.equal(left().length, 2, "relay and agent");
  start.child.kill("SIGKILL");
  await until("nobody is left", () => left().length === 0 || undefined, { seen: left });
});

t.test("npm start on what it cannot show is one line", async (t) => {
  const { status, stderr } = await runProgram(t, "treewire", [tempDir(t)]);
  t.match(stderr, /^treewire: .*: not a git repository \(or any of its parents\); .*\n$/);
  t.equal(status, 2);
  t.match(await runProgram(t, "treewire", ["a", "b"]), { status: 2, stderr: /Unknown argument: b/ });
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it has ended meanwhile
  }
}
