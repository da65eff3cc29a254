import { rmSync } from "node:fs";
import t from "tap";
import { startProgram } from "../support/program.js";
import { createRepo, expectedOf, type TestRepo } from "../support/repo.js";
import { Stack, WatchClient } from "../support/stack.js";
import type { Cleanup } from "../support/temp.js";
import { until } from "../support/until.js";

const diffOf = (repo: TestRepo) => expectedOf(repo.root).unified_diff.toString();

/** Relay, agent, two repositories in one chat, and a client that shows both. */
async function everything(t: Cleanup) {
  const stack = await Stack.start(t);
  const token = stack.clientToken("alice");
  const { workspace, agent } = stack.startAgent(t);
  const one = createRepo(t, { a: "1\n" });
  const two = createRepo(t, { a: "1\n" });
  two.write("a", "2\n");
  const chat = stack.bind({ workspace, owner: "alice", paths: [one.root, two.root] });
  const watch = () => WatchClient.watch(t, stack.url, chat, token);
  return { stack, workspace, agent, one, two, chat, watch, client: await watch() };
}

t.test("an agent that is killed is missed, and its clients get what changed when it is back", async (t) => {
  const { stack, workspace, agent, one, two, client } = await everything(t);
  await agent.stop("SIGKILL");
  await until("the clients are told", () => client.errors.length > 0);
  t.equal(client.closeCode, undefined, "they stay connected");
  one.write("a", "changed meanwhile\n");
  const before = client.messages.length;
  stack.startAgent(t, { workspace });
  await client.showsDiff(one.root, diffOf(one));
  const later = client.messages.slice(before).filter((message) => message.type === "changes");
  t.same(
    later.flatMap(({ repositories = [] }) => repositories.map(({ repo_root }) => repo_root)),
    [one.root],
    "only what changed",
  );
  two.write("a", "3\n");
  await client.showsDiff(two.root, diffOf(two));
});

t.test("a repository that vanished while the agent was away is told as removed", async (t) => {
  const { stack, workspace, agent, one, client } = await everything(t);
  await agent.stop();
  rmSync(one.root, { recursive: true });
  stack.startAgent(t, { workspace });
  await client.shows(one.root, "is gone", (change) => change === undefined);
  t.equal(client.repositories.size, 1);
});

t.test("a relay that is killed is found again by its agent, and clients that return get everything", async (t) => {
  const { stack, agent, one, two, client, watch } = await everything(t);
  await stack.relay.stop("SIGKILL");
  await until("the client is cut off", () => client.closeCode !== undefined);
  one.write("a", "changed meanwhile\n");
  await until("the agent has tried again", () => agent.stderr.includes("TW_RELAY_UNREACHABLE"), {
    seen: () => agent.stderr,
  });
  await stack.restartRelay();
  const again = await watch();
  t.match(
    again.changes[0]?.repositories?.map(({ repo_root, unified_diff }) => [repo_root, unified_diff]).sort(),
    [
      [one.root, diffOf(one)],
      [two.root, diffOf(two)],
    ].sort(),
  );
  t.ok(agent.running);
  one.write("a", "and live\n");
  await again.showsDiff(one.root, diffOf(one));
});

t.test("a relay that leaves in good order says so", async (t) => {
  const { stack, client } = await everything(t);
  const { status } = await stack.relay.stop("SIGTERM");
  t.equal(status, 0);
  await until("the client is told", () => client.closeCode);
  t.equal(client.closeCode, 1001);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  t.test(`the agent leaves on ${signal}, connected or not`, async (t) => {
    const { stack, agent, client } = await everything(t);
    t.same(await agent.stop(signal), { status: 0, signal: null });
    await until("the clients are told", () => client.errors.length > 0);
    const { agent: another } = stack.startAgent(t);
    await until("the other agent is connected", () => another.stderr.includes('"connected"'));
    await stack.relay.stop("SIGKILL");
    await until("the other agent has lost it", () => another.stderr.includes("TW_RELAY_UNREACHABLE"));
    t.same(await another.stop(signal), { status: 0, signal: null });
  });
}

t.test("an agent that is replaced leaves, and says what to do", async (t) => {
  const { stack, workspace, agent, one, client } = await everything(t);
  stack.startAgent(t, { workspace });
  const { status } = await agent.exit();
  t.equal(status, 78);
  t.match(agent.stderr, /another agent has taken this workspace; stop one of the two/);
  one.write("a", "seen by the newer one\n");
  await client.showsDiff(one.root, diffOf(one));
});

t.test("an agent whose token is refused for good leaves with a status that says so", async (t) => {
  const stack = await Stack.start(t);
  const agent = startProgram(t, "agent", ["--relay", stack.url], { env: { TREEWIRE_AGENT_TOKEN: "twa_nothing" } });
  t.equal((await agent.exit()).status, 77);
  t.match(agent.stderr, /the relay rejects the token \(HTTP 401\); create a new one on the relay\n$/);
  t.notMatch(agent.stderr, /twa_nothing/);
});
