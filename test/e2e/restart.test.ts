import { randomBytes, randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { BadLink } from "../support/bad-network.js";
import { FakeRelay } from "../support/fake-relay.js";
import { startProgram } from "../support/program.js";
import { createRepo, expectedOf, type TestRepo } from "../support/repo.js";
import { Stack } from "../support/stack.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { WatchClient } from "../support/watch-client.js";

/** Of a file that makes a whole state large. */
const LARGE_BYTES = 600_000;

const diffOf = (repo: TestRepo) => expectedOf(repo.root).unified_diff.toString();

/** A relay for the tests that leave it alone. */
const lasting = await Stack.start(t);

/** Relay, agent, two repositories in one chat, and a client that shows both. */
async function everything(t: Cleanup, stack = lasting) {
  const token = await stack.clientToken("alice");
  const { workspace, agent } = await stack.startAgent(t);
  const one = createRepo(t, { a: "1\n" });
  const two = createRepo(t, { a: "1\n" });
  two.write("a", "2\n");
  const chat = await stack.bind({ workspace, owner: "alice", paths: [one.root, two.root] });
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
  await stack.startAgent(t, { workspace });
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
  await stack.startAgent(t, { workspace });
  await client.shows(one.root, "is gone", (change) => change === undefined);
  t.equal(client.repositories.size, 1);
});

t.test("a relay that is killed is found again by its agent, and clients that return get everything", async (t) => {
  const { stack, agent, one, two, client, watch } = await everything(t, await Stack.start(t));
  await stack.stopRelay("SIGKILL");
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

t.test("a relay that says it is going away is left and found again, and is sent only what changed", async (t) => {
  const stack = await Stack.start(t);
  const link = await BadLink.open(t, Number(new URL(stack.homeUrl).port));
  const workspace = randomUUID();
  const tokenFile = await stack.agentToken(workspace);
  const agent = startProgram(t, "agent", ["--relay", `http://127.0.0.1:${link.port}`, "--token-file", tokenFile], {
    env: ALLOW_TEMP,
  });
  const repo = createRepo(t, { a: "1\n" });
  repo.write("large", `${randomBytes(LARGE_BYTES / 2).toString("hex")}\n`);
  const chat = await stack.bind({ workspace, owner: "alice", paths: [repo.root] });
  const token = await stack.clientToken("alice");
  const client = await WatchClient.watch(t, stack.url, chat, token);
  await client.showsDiff(repo.root, diffOf(repo));
  const whole = link.received;
  t.ok(whole > LARGE_BYTES / 3, `the first state takes ${whole} bytes, compressed`);

  t.equal((await stack.stopRelay("SIGTERM")).status, 0);
  t.equal(await until("the client is told", () => client.closeCode), 1001);
  await until("the agent is told", () => /the relay closed the connection \(close code 1001/.test(agent.stderr), {
    seen: () => agent.stderr,
  });
  repo.write("a", "2\n");
  await stack.restartRelay();
  const again = await WatchClient.watch(t, stack.url, chat, token);
  await again.showsDiff(repo.root, diffOf(repo));
  const delta = link.received - whole;
  t.ok(delta < LARGE_BYTES / 10, `the state after the reconnect takes ${delta} bytes`);
});

t.test("the agent leaves on SIGTERM and SIGINT, connected or not", async (t) => {
  const { agent, client, workspace } = await everything(t);
  t.same(await agent.stop("SIGTERM"), { status: 0, signal: null });
  await until("the clients are told", () => client.errors.length > 0);
  const { agent: another } = await lasting.startAgent(t, { workspace });
  await until("the other agent is connected", () => another.stderr.includes('"connected"'));
  t.same(await another.stop("SIGINT"), { status: 0, signal: null });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const env = { TREEWIRE_AGENT_TOKEN: "x" };
    const alone = startProgram(t, "agent", ["--relay", "http://127.0.0.1:9"], { env });
    await until("it has tried", () => alone.stderr.includes("TW_RELAY_UNREACHABLE"));
    t.same(await alone.stop(signal), { status: 0, signal: null }, signal);
  }
});

t.test("SIGHUP has an agent read its token again, and connect with another one at once", async (t) => {
  const relay = await FakeRelay.start(t);
  const tokenFile = join(tempDir(t), "token");
  writeFileSync(tokenFile, "old\n");
  const agent = startProgram(t, "agent", ["--relay", relay.url, "--token-file", tokenFile]);
  const first = await relay.connection();
  first.welcome();
  await until("it is connected", () => agent.stderr.includes('"connected"'));
  writeFileSync(tokenFile, "new\n");
  agent.child.kill("SIGHUP");
  const second = await relay.connection(2);
  t.same(
    [first, second].map(({ request }) => request.headers.authorization),
    ["Bearer old", "Bearer new"],
  );
});

t.test("an agent that is replaced leaves, and says what to do", async (t) => {
  const { stack, workspace, agent, one, client } = await everything(t);
  await stack.startAgent(t, { workspace });
  const { status } = await agent.exit();
  t.equal(status, 78);
  t.match(agent.stderr, /another agent has taken this workspace; stop one of the two/);
  one.write("a", "seen by the newer one\n");
  await client.showsDiff(one.root, diffOf(one));
});

t.test("an agent whose token is refused for good leaves with a status that says so", async (t) => {
  const agent = startProgram(t, "agent", ["--relay", lasting.url], { env: { TREEWIRE_AGENT_TOKEN: "twa_nothing" } });
  t.equal((await agent.exit()).status, 77);
  t.match(agent.stderr, /the relay rejects the token \(HTTP 401\); create a new one on the relay\n$/);
  t.notMatch(agent.stderr, /twa_nothing/);
});
