import t from "tap";
import { type Snapshot, unifiedDiff, type WatchOptions, watchTrees } from "../../src/client/index.js";
import { revokeToken, startRelay } from "../../src/relay/index.js";
import { silentLogger } from "../../src/util/index.js";
import { FakeAgent, fileOf } from "../relay/support/fake-agent.js";
import { TestRelay } from "../relay/support/relay.js";
import type { Cleanup } from "../support/temp.js";
import { until } from "../support/until.js";
import { DeltaClient, WatchClient } from "../support/watch-client.js";

const APP = "/home/me/app";
const LIB = "/home/me/lib";

/** Collects what the client yields. */
function watch(t: Cleanup, relay: TestRelay, more: Partial<WatchOptions> = {}) {
  const stop = new AbortController();
  const snapshots: Snapshot[] = [];
  const errors: string[] = [];
  const { url, chat, clientToken: token } = relay;
  const trees = watchTrees({
    url,
    chat,
    token,
    signal: stop.signal,
    onError: (message) => errors.push(message),
    ...more,
  });
  const done = (async () => {
    for await (const snapshot of trees) snapshots.push(snapshot);
  })();
  t.teardown(() => {
    stop.abort();
    return done.catch(() => undefined);
  });
  const diff = (root: string) => unifiedDiff(snapshots.at(-1)?.trees.get(root)?.files ?? []);
  const diffWith = (root: string, text: string) =>
    until(`a diff of ${root} with ${text}`, () => diff(root).includes(text), {
      seen: () => [snapshots.at(-1), errors],
    });
  return { stop, done, snapshots, errors, diff, diffWith };
}

t.test("the client yields whole trees, then what changes, and what goes", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP, LIB]);
  agent.tell(APP, [fileOf("x", "one"), fileOf("y", "two")]);
  agent.tell(LIB, []);
  const client = watch(t, relay);
  await client.diffWith(APP, "one");
  t.same([...(client.snapshots[0]?.trees.keys() ?? [])], [APP, LIB], "the first one is whole");
  agent.change(APP, [{ upserts: [fileOf("x", "three")], removes: ["t:y"] }], { branch: "next" });
  await client.diffWith(APP, "three");
  t.equal(client.diff(APP), fileOf("x", "three").header + fileOf("x", "three").hunks);
  t.equal(client.snapshots.at(-1)?.trees.get(APP)?.meta.branch, "next");
  agent.send({ type: "gone", root: LIB });
  await until("the tree is gone", () => client.snapshots.at(-1)?.trees.has(LIB) === false);
  client.stop.abort();
  await client.done;
});

t.test("an edit of one line in a 3 MiB diff costs hundreds of bytes", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  const big = (text: string) => fileOf("big", `${"x".repeat(2_900_000)}\n+${text}\n+${"y".repeat(100_000)}`);
  agent.tell(APP, [big("one")]);
  const client = await DeltaClient.open(t, relay.watchUrl(), { token: relay.clientToken });
  const { sizes } = client;
  await until("the whole tree", () => sizes.length === 3);
  const watching = watch(t, relay);
  await watching.diffWith(APP, "+one");
  agent.change(APP, [{ upserts: [big("two")] }]);
  await until("the edit and `checked`", () => sizes.length === 5);
  t.ok(
    sizes.slice(3).every((size) => size < 1000),
    String(sizes),
  );
  await watching.diffWith(APP, "+two");
  t.equal(watching.diff(APP), unifiedDiff([big("two")]), "the package's client has the same text");
  client.close();
});

t.test("a client that lacks a base asks, and is told the whole tree", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "one")]);
  const client = await DeltaClient.open(t, relay.watchUrl(), { token: relay.clientToken });
  const { messages } = client;
  await until("the first state", () => messages.length === 3);
  client.resync(APP);
  await until("the whole tree again", () => messages.length === 5);
  t.match(messages[3], { type: "tree", root: APP, base: null });
  client.refresh();
  await until("the answer", () => messages.length === 6);
  t.match(messages[5], { type: "checked" });
  client.send("nonsense");
  await until("an error", () => messages.length === 7);
  t.match(messages[6], { type: "error", message: "unknown message type" });
});

t.test("the client comes back when the relay does, and gives up when its token is revoked", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "one")]);
  const client = watch(t, relay, { random: () => 0 });
  await client.diffWith(APP, "one");
  const { port } = new URL(relay.url);
  await relay.stop();
  await until("it tells of the loss", () => client.errors.length > 0);
  const again = await startRelay({ dataDir: relay.dataDir, port: Number(port), log: silentLogger() });
  t.teardown(() => again.close());
  const agentAgain = await FakeAgent.connect(t, again.url, relay.agentToken, { rootsOf: () => [APP] });
  agentAgain.tell(APP, [fileOf("x", "two")]);
  await client.diffWith(APP, "two");
  const ended = t.rejects(client.done, { name: "WatchEndedError" });
  await revokeToken(relay.dataDir, relay.clientToken);
  await ended;
  const other = watch(t, relay, { url: again.url });
  await t.rejects(other.done, { name: "WatchEndedError" }, "a refused upgrade is final too");
});

t.test("with stale=ok the last state is shown while the agent is away, and goes live when it is back", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "before")], { scanned_at: "2026-03-05T10:11:12.345Z" });
  await (await relay.client()).first();
  await relay.stop(); // the state outlives the process

  const again = await TestRelay.start(t, { dataDir: relay.dataDir });
  const url = again.watchUrl(relay.chat);
  const headers = { "coder-session-token": relay.clientToken };
  const plain = await WatchClient.open(t, `${url}?stale=ok`, { headers });
  t.match(await plain.first(), {
    scanned_at: "2026-03-05T10:11:12.345Z",
    stale: true,
    repositories: [{ repo_root: APP, unified_diff: /before/ }],
  });
  const delta = watch(t, again, { chat: relay.chat, token: relay.clientToken, stale: true });
  await delta.diffWith(APP, "before");
  t.equal(delta.snapshots[0]?.isStale, true);

  const back = await FakeAgent.connect(t, again.url, relay.agentToken, { rootsOf: () => [APP] });
  t.match(await back.next("welcome"), { held: [{ root: APP }] }, "and the agent may go on from it");
  back.tell(APP, [fileOf("x", "before")]);
  await until(
    "both are live",
    () => plain.changes.at(-1)?.stale === undefined && delta.snapshots.at(-1)?.isStale === false,
    {
      seen: () => [plain.messages, delta.snapshots.at(-1)],
    },
  );
  back.tell(APP, [fileOf("x", "after")]);
  await plain.diffWith(APP, "after");
  await delta.diffWith(APP, "after");
});
