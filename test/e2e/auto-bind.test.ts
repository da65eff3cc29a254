import { randomUUID } from "node:crypto";
import { join } from "node:path";
import t from "tap";
import { bindChat, createToken, listChats } from "../../src/relay/index.js";
import { TestRelay } from "../relay/support/relay.js";
import { runProgram, startProgram } from "../support/program.js";
import { createRepo } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

/** An agent of the workspace with a token, and the tree that it shows. */
async function running(t: Cleanup, relay: TestRelay, autoBind?: string) {
  const home = tempDir(t);
  const repo = createRepo(t, { a: "1\n" }, join(home, "app"));
  repo.write("a", "2\n");
  const token = await createToken(relay.dataDir, {
    kind: "agent",
    workspace: relay.workspace,
    ...(autoBind !== undefined && { autoBind }),
  });
  const env = { TREEWIRE_AGENT_TOKEN: token, XDG_RUNTIME_DIR: home, XDG_STATE_HOME: home };
  const agent = startProgram(t, "agent", ["run", "--relay", relay.url, "--root", home], { env });
  await until("it is connected", () => agent.stderr.includes('"msg":"connected"') || undefined, {
    seen: () => agent.stderr,
  });
  const track = (chat: string) => runProgram(t, "agent", ["track", "--chat", chat, join(repo.root, "a")], { env });
  return { repo, track };
}

t.test("a chat that an agent names comes to be by itself, owned by whom its token says", async (t) => {
  const relay = await TestRelay.start(t);
  const { repo, track } = await running(t, relay, "alice");
  const chat = randomUUID();
  t.match(await track(chat), { status: 0 });
  const made = await until("the chat", async () => (await listChats(relay.dataDir)).find(({ id }) => id === chat));
  t.match(made, { owner: "alice", workspace: relay.workspace, paths: [] });
  const client = await relay.client(chat);
  t.match(await client.first(), { repositories: [{ repo_root: repo.root, unified_diff: /^\+2$/m }] });
});

t.test("what is another's stays so, and a token that was not made for it makes none", async (t) => {
  const relay = await TestRelay.start(t);
  const [theirs, later] = [randomUUID(), randomUUID()];
  await bindChat(relay.dataDir, { chat: theirs, workspace: randomUUID(), owner: "bob" });
  const before = (await listChats(relay.dataDir)).length;
  const { track } = await running(t, relay, "alice");
  await track(theirs);
  await track(later);
  await until("the later one", async () => (await listChats(relay.dataDir)).find(({ id }) => id === later));
  t.match(
    (await listChats(relay.dataDir)).find(({ id }) => id === theirs),
    { owner: "bob" },
  );
  t.equal((await listChats(relay.dataDir)).length, before + 1);

  const plain = await TestRelay.start(t);
  const other = await running(t, plain);
  const unknown = randomUUID();
  t.match(await other.track(unknown), { status: 0 });
  // whatever the agent would have said by now, it would have said before this
  const known = await plain.client();
  await known.first();
  t.same(
    (await listChats(plain.dataDir)).map(({ id }) => id),
    [plain.chat],
  );
});

t.test("the option is an agent's, and needs an owner", async (t) => {
  const at = ["--data-dir", tempDir(t)];
  const create = (...args: string[]) => runProgram(t, "relay", ["token", "create", ...at, ...args]);
  const workspace = randomUUID();
  t.match(await create("--kind", "agent", "--workspace", workspace, "--auto-bind"), {
    status: 2,
    stderr: /it needs --user/,
  });
  t.match(await create("--kind", "client", "--user", "me", "--auto-bind"), { status: 2, stderr: /it is for agents/ });
  const made = await create("--kind", "agent", "--workspace", workspace, "--auto-bind", "--user", "me");
  t.match(made, { status: 0, stdout: /^twa_/ });
});
