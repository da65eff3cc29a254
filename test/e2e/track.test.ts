import { randomUUID } from "node:crypto";
import { join } from "node:path";
import t from "tap";
import { type AgentStatus, agentStatusSchema } from "../../src/protocol/index.js";
import { runProgram, startProgram } from "../support/program.js";
import { createRepo, expectedOf, type TestRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

const stack = await Stack.start(t);
const alice = await stack.clientToken("alice");
const diffOf = (repo: TestRepo) => expectedOf(repo.root).unified_diff.toString();

/** An agent with a state directory and a runtime directory of its own. */
async function startAgent(t: Cleanup) {
  const env = { ...ALLOW_TEMP, XDG_STATE_HOME: tempDir(t), XDG_RUNTIME_DIR: tempDir(t) };
  const workspace = randomUUID();
  const tokenFile = await stack.agentToken(workspace);
  const root = tempDir(t);
  const start = () =>
    startProgram(t, "agent", ["--relay", stack.homeUrl, "--token-file", tokenFile, "--root", root], { env });
  const command = async (...args: string[]) => runProgram(t, "agent", args, { env });
  const status = async (): Promise<AgentStatus> =>
    agentStatusSchema.parse(JSON.parse((await command("status", "--json")).stdout));
  const agent = start();
  const ready = () =>
    until("the agent is connected", () => agent.stderr.includes('"connected"'), { seen: () => agent.stderr });
  return { agent, env, workspace, start, command, status, ready };
}

t.test("what a chat has touched is shown to it and its ancestors, also after a restart", async (t) => {
  const { agent, workspace, start, command, status, ready } = await startAgent(t);
  await ready();
  const repo = createRepo(t, { "src/a": "1\n" });
  repo.write("src/a", "2\n");
  const parent = await stack.bind({ workspace, owner: "alice" });
  const chat = await stack.bind({ workspace, owner: "alice" });
  const stranger = await stack.bind({ workspace, owner: "alice" });
  const watch = (id: string) => WatchClient.watch(t, stack.url, id, alice);
  const client = await watch(chat);
  t.same(client.changes[0]?.repositories, []);
  const tracked = await command("track", "--chat", chat, "--ancestor", parent, join(repo.root, "src/a"));
  t.match(tracked, { status: 0, stdout: `${join(repo.root, "src/a")} → ${repo.root}\n`, stderr: "" });
  await client.showsDiff(repo.root, diffOf(repo));
  await (await watch(parent)).showsDiff(repo.root, diffOf(repo));
  t.same((await watch(stranger)).changes[0]?.repositories, []);

  await agent.stop("SIGKILL");
  start();
  repo.write("src/a", "3\n");
  await client.showsDiff(repo.root, diffOf(repo));
  t.match(
    (await status()).chats.find((one) => one.chat === chat),
    { tracked_paths: 1, roots: [repo.root] },
  );

  t.equal((await command("untrack", "--chat", chat)).status, 0);
  await client.shows(repo.root, "is not shown any more", (change) => change === undefined);
  t.equal((await status()).chats.find((one) => one.chat === parent)?.tracked_paths, 1);
});

t.test("a path whose repository does not exist yet counts from when it does", async (t) => {
  const { workspace, command, ready } = await startAgent(t);
  await ready();
  const chat = await stack.bind({ workspace, owner: "alice" });
  const client = await WatchClient.watch(t, stack.url, chat, alice);
  const root = join(tempDir(t), "later");
  await command("track", "--chat", chat, join(root, "src/new.ts"));
  const repo = createRepo(t, {}, root);
  repo.write("src/new.ts", "export {};\n");
  await client.showsDiff(root, diffOf(repo));
  t.same(client.errors, [], "and that it was not there is no trouble");
});

/** Processes that track at once, and paths of each; one more tracks as many while the agent is away. */
const PROCESSES = 9;
const PATHS_EACH = 1_000;

t.test("ten processes track 10,000 paths while the agent is killed and started again: nothing is lost", async (t) => {
  const { agent, workspace, start, command, status, ready } = await startAgent(t);
  await ready();
  const repo = createRepo(t, { "a/x": "1\n", "b/y": "1\n" });
  const parent = await stack.bind({ workspace, owner: "alice" });
  const chat = await stack.bind({ workspace, owner: "alice" });
  const track = (process: number) => {
    const paths = Array.from({ length: PATHS_EACH }, (_, at) => `${repo.root}/${"ab"[at % 2]}/${process}-${at}.ts`);
    return command("track", "--chat", chat, "--ancestor", parent, ...paths);
  };
  const tracks = Array.from({ length: PROCESSES }, (_, process) => track(process));
  await Promise.race(tracks);
  await agent.stop("SIGKILL");
  const meanwhile = track(PROCESSES);
  const second = start();
  for (const result of await Promise.all([...tracks, meanwhile])) t.match(result, { status: 0, stderr: "" });
  const tracked = async () =>
    (await status()).chats.filter((one) => [chat, parent].includes(one.chat)).map(({ tracked_paths }) => tracked_paths);
  t.same(await tracked(), [10_000, 10_000], "the chat's, and its ancestor's");

  await second.stop("SIGKILL");
  start();
  repo.write("a/x", "2\n");
  const client = await WatchClient.watch(t, stack.url, chat, alice);
  t.same(client.changes[0]?.repositories, [{ repo_root: repo.root, branch: "main", unified_diff: diffOf(repo) }]);
  t.same(await tracked(), [10_000, 10_000], "it is on the disk");
  const now = await status();
  t.match(now.trees, [{ root: repo.root, watched: true, state: "live", changed_files: 1 }]);
  t.same(now.problems, []);
  t.match((await command("status")).stdout, /10000 tracked paths, 1 tree$/m);
});

t.test("status tells what is wrong, in words", async (t) => {
  const { workspace, command, status, ready } = await startAgent(t);
  await ready();
  const repo = createRepo(t, { a: "1\n" });
  repo.write("a", "2\n");
  const outside = tempDir(t);
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root, outside] });
  await WatchClient.watch(t, stack.url, chat, alice);
  const now = await status();
  t.match(now, {
    connection: { state: "connected", workspace, problem: null, relay: new URL(stack.homeUrl).host },
    chats: [{ chat, watched: true, bound_paths: 2, tracked_paths: 0, roots: [repo.root] }],
    trees: [{ root: repo.root, watched: true, state: "live", health: "", changed_files: 1, problem: null }],
  });
  t.match(now.problems, [new RegExp(`^chat ${chat}: ${outside}: not a git repository`)]);
  t.ok((now.watches?.used ?? 0) > 0, "watches are counted");
  const { stdout } = await command("status");
  t.match(stdout, new RegExp(`^  ${repo.root}  1 changed file, scanned \\d+ s ago$`, "m"));
  t.match(stdout, /^problem: chat .*: not a git repository/m);
});

t.test("a second agent on the same state leaves track and status to the first", async (t) => {
  const { status, ready, env } = await startAgent(t);
  await ready();
  const first = await status();
  const other = startProgram(
    t,
    "agent",
    ["--relay", stack.homeUrl, "--token-file", await stack.agentToken(randomUUID())],
    {
      env,
    },
  );
  await until("the other says so", () => /another agent uses it/.test(other.stderr), { seen: () => other.stderr });
  t.equal((await status()).pid, first.pid);
  t.ok(other.running);
});

t.test("a command without an agent is one line", async (t) => {
  const env = { XDG_STATE_HOME: tempDir(t), XDG_RUNTIME_DIR: tempDir(t) };
  const { status, stderr } = await runProgram(t, "agent", ["status"], { env });
  t.equal(status, 1);
  t.match(stderr, /^agent: .*agent\.sock: no agent answers there \(ENOENT\); start it, .*\n$/);
});
