import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { invite } from "../../../src/relay/index.js";
import { TestRelay } from "../../relay/support/relay.js";
import { type Program, runProgram, startProgram } from "../../support/program.js";
import { createRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

/** A program that has started, and with which arguments the system shows it. */
const shownOf = ({ child }: Program) => readFileSync(`/proc/${child.pid}/cmdline`, "utf8").replaceAll("\0", " ");

const secretOf = (link: string) => link.replace(/^.*#/, "");

async function world(t: Cleanup) {
  const relay = await TestRelay.start(t);
  const home = tempDir(t);
  const repo = createRepo(t, { "a.txt": "one\n" }, join(home, "app"));
  repo.write("a.txt", "two\n");
  const env = { HOME: home, XDG_CONFIG_HOME: "", XDG_STATE_HOME: "", XDG_RUNTIME_DIR: "" };
  const made = await invite(relay.dataDir, { url: relay.url });
  const started = (args: string[], program: Program) => {
    const connected = () => program.stderr.includes('"msg":"connected"') || undefined;
    return until(`agent ${args.join(" ")} connects`, connected, { seen: () => program.stderr });
  };
  return { relay, home, repo, env, made, started };
}

t.test("one link brings an agent to the relay, and its second start needs none", async (t) => {
  const { relay, home, repo, env, made, started } = await world(t);
  const args = ["agent", "--join", made.agentUrl];
  const agent = startProgram(t, "treewire", args, { cwd: repo.root, env });
  await started(args, agent);
  t.equal(shownOf(agent).trim(), "treewire agent", "the link is not among the processes");
  for (const text of [agent.stdout, agent.stderr]) t.notMatch(text, secretOf(made.agentUrl));
  const config = join(home, ".config/treewire/agent.toml");
  for (const file of [config, join(home, ".config/treewire/agent.token")]) {
    t.equal(statSync(file).mode & 0o777, 0o600, file);
    t.notMatch(readFileSync(file, "utf8"), secretOf(made.agentUrl));
  }
  t.match(readFileSync(config, "utf8"), `root = [ "${repo.root}" ]`);
  t.same(await agent.stop(), { status: 0, signal: null });

  const second = startProgram(t, "treewire", ["agent"], { cwd: home, env });
  await started(["again"], second);
  const session = await fetch(`${relay.url}/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ invite: secretOf(made.viewUrl).replace("view-", "") }),
  });
  const token = /=([^;]*)/.exec(session.headers.get("set-cookie") ?? "")?.[1] ?? "";
  const client = await relay.client(made.chat, token);
  const frame = await client.first();
  t.match(frame, { repositories: [{ repo_root: repo.root, unified_diff: /^\+two$/m }] });
});

t.test("what is there is not replaced, nor is an invite spent on it, unless that is wanted", async (t) => {
  const { home, repo, env, made, started } = await world(t);
  const directory = join(home, "elsewhere");
  mkdirSync(directory);
  writeFileSync(join(directory, "agent.toml"), 'relay = "https://other.example"\n');
  const args = ["--join", made.agentUrl, "--config-dir", directory];
  const refused = await runProgram(t, "agent", args, { cwd: repo.root, env });
  t.match(refused, { status: 2, stderr: /^agent: \S+agent\.toml: an agent has joined from here before; .*--force\n$/ });
  t.match(readFileSync(join(directory, "agent.toml"), "utf8"), "other.example");
  const agent = startProgram(t, "agent", [...args, "--force"], { cwd: repo.root, env });
  await started(["--force"], agent);
  await agent.stop();
  const next = startProgram(t, "agent", ["run", "--config-dir", directory], { cwd: home, env });
  await started(["run"], next);
});

t.test("a link may come by standard input, and one that is used is refused in words", async (t) => {
  const { repo, env, made } = await world(t);
  const file = join(tempDir(t), "link");
  writeFileSync(file, `${made.agentUrl}\n`);
  const through = ["sh", "-c", `exec "$@" < '${file}'`, "sh"];
  const agent = startProgram(t, "agent", ["--join", "-"], { cwd: repo.root, env, through });
  await until("it has joined", () => agent.stdout.includes("joined ") || undefined, { seen: () => agent.stderr });
  const again = await runProgram(t, "agent", ["--join", made.agentUrl, "--config-dir", tempDir(t)], { env });
  t.match(again, {
    status: 77,
    stderr: /: the relay does not take the invite \(This invite is used, .*\); have a new one/,
  });
  t.notMatch(again.stderr, secretOf(made.agentUrl));
});

t.test("what is no agent's link is refused before anything is sent or written, and never repeated", async (t) => {
  const { home, env, made } = await world(t);
  const rows: [args: string[], line: RegExp][] = [
    [["--join", made.viewUrl], /this link is for people: paste the one with #agent-/],
    [["--join", "relay.example"], /not a link of `treewire relay invite`/],
    [["--join", "https://relay.example/"], /not a link of `treewire relay invite`/],
    [["--join", "http://relay.example/#agent-AAAAAAAAAAAAAAAAAAAAAA"], /plain http would show .* --insecure/],
    [["--join", made.agentUrl, "--relay", "http://x"], /--join makes its own: leave out --relay/],
    [["--join", made.agentUrl, "--config-dir", "/proc/nowhere"], /settings cannot be written there \(ENOENT\)/],
    [["--force"], /--force goes with --join/],
  ];
  for (const [args, line] of rows) {
    const { status, stderr } = await runProgram(t, "agent", args, { env });
    t.ok(status === 2 || status === 1, args.join(" "));
    t.match(stderr, line);
    t.notMatch(stderr, /#(?:agent|view)-[\w-]{10}/, "the secret");
  }
  t.throws(() => statSync(join(home, ".config/treewire")), { code: "ENOENT" });
  const gone = await runProgram(t, "agent", ["--join", "http://127.0.0.1:1/#agent-AAAAAAAAAAAAAAAAAAAAAA"], { env });
  t.match(gone, { status: 1, stderr: /the relay cannot be reached \(nothing listens at 127\.0\.0\.1:1 / });
});
