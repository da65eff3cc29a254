import t, { type Test } from "tap";
import { TUNNEL_PATH, TUNNEL_SUBPROTOCOL, unifiedDiff } from "../../../src/protocol/index.js";
import { createToken } from "../../../src/relay/index.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { createLogger } from "../../../src/util/index.js";
import { liveBytes } from "../../support/live-bytes.js";
import { until } from "../../support/until.js";
import { DeltaClient, refusedUpgrade } from "../../support/watch-client.js";
import { FakeAgent, fileOf, metaOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";
import { updateOf } from "../support/states.js";

const APP = "/home/me/app";
const OTHER_WORKSPACE = "99999999-9999-4999-8999-999999999999";
const OTHER_CHAT = "88888888-8888-4888-8888-888888888888";
const MIB = 1024 * 1024;

/** A relay with an honest workspace beside the one that is `relay.agent()`'s, and a look whether all is well there. */
async function startBeside(t: Test, options: Parameters<typeof TestRelay.start>[1] = {}) {
  const relay = await TestRelay.start(t, options);
  await relay.bind({ chat: OTHER_CHAT, workspace: OTHER_WORKSPACE });
  const honest = await relay.agent([APP], await relay.newAgentToken(OTHER_WORKSPACE));
  honest.tell(APP, []);
  const client = await relay.client(OTHER_CHAT);
  await client.first();
  const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
  let edit = 0;
  const staysRight = async () => {
    edit += 1;
    honest.tell(APP, [fileOf("x", `edit ${edit}`)]);
    await client.diffWith(APP, `+edit ${edit}\n`);
    t.equal(honest.closeCode, undefined);
    t.same(client.errors, []);
  };
  const metric = async (name: string) => {
    const headers = { authorization: `Bearer ${admin}` };
    const text = await (await fetch(`${relay.url}/metrics`, { headers })).text();
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1));
  };
  return { relay, staysRight, metric };
}

t.test("over a budget, a tunnel is closed with 1009 and its name, and nobody else notices", async (t) => {
  const { relay, staysRight, metric } = await startBeside(t, { limits: { workspaceBytes: MIB } });
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "x".repeat(200_000))]);
  const client = await relay.client();
  await client.first();
  t.ok((await metric('treewire_workspace_budget_used_ratio{budget="workspace-bytes"}')) > 0.35);
  agent.tell(APP, [fileOf("x", "x".repeat(900_000))]);
  t.same([await agent.closed(), agent.closeReason], [1009, "over --workspace-bytes"]);
  t.equal(await metric('treewire_budget_exceeded_total{budget="workspace-bytes"}'), 1);
  await staysRight();
});

t.test(
  "a token whose tunnel was closed for what it sent is told when to come back, and others of the workspace are not",
  async (t) => {
    const relay = await TestRelay.start(t);
    const token = relay.agentToken;
    const agent = await FakeAgent.connect(t, relay.url, token, { hello: false });
    agent.send({ type: "gone", root: APP });
    t.equal(await agent.closed(), 1002);
    const headers = { authorization: `Bearer ${token}`, "sec-websocket-protocol": TUNNEL_SUBPROTOCOL };
    const refused = await refusedUpgrade(t, `${relay.url}${TUNNEL_PATH}`, { headers });
    t.match(refused, {
      status: 429,
      body: { message: "Too many requests." },
      headers: { "retry-after": /^[1-9]\d*$/ },
    });
    const other = await relay.agent([], await relay.newAgentToken());
    t.ok(other.all("welcome")[0]);
  },
);

t.test("one token has six sockets at most, those whose agents say nothing among them", async (t) => {
  const relay = await TestRelay.start(t);
  const token = relay.agentToken;
  const silent = [];
  for (let count = 0; count < 6; count += 1) {
    silent.push(await FakeAgent.connect(t, relay.url, token, { hello: false }));
  }
  const headers = { authorization: `Bearer ${token}`, "sec-websocket-protocol": TUNNEL_SUBPROTOCOL };
  const refused = await refusedUpgrade(t, `${relay.url}${TUNNEL_PATH}`, { headers });
  t.match(refused, { status: 429, body: { message: "Too many open sockets." }, headers: { "retry-after": "2" } });
  for (const each of silent) each.vanish();
  await until("there is room again", () => relay.agent().catch(() => undefined));
});

t.test("parts that say nothing but who they are keep nothing in memory", async (t) => {
  const { relay, staysRight } = await startBeside(t);
  const agent = await relay.agent([]);
  const meta = metaOf({ branch: "b".repeat(60_000), health: "h".repeat(60_000) });
  const empty = JSON.stringify(updateOf([], { meta, more: true }));
  await staysRight();
  const before = await liveBytes();
  for (let count = 0; count < 150; count += 1) agent.sendText(empty);
  agent.send(updateOf([], { root: "/behind" }));
  await agent.next("ack");
  const grown = (await liveBytes()) - before;
  t.ok(grown < 8 * MIB, `${grown} bytes for ${150 * empty.length} sent`);
  t.equal(agent.closeCode, undefined);
  await staysRight();
});

t.test(
  "empty keys that go, and objects without text, are closed at the budget and not at the end of the memory",
  async (t) => {
    const limits = { workspaceBytes: 16 * MIB };
    const { relay, staysRight } = await startBeside(t, { limits });
    const file = { key: "t:a", path: "", header: "", hunks: "", additions: 0, deletions: 0, omitted_bytes: 0 };
    const parts = [
      updateOf([], { removes: new Array(100_000).fill(""), more: true }),
      updateOf(new Array(20_000).fill(file), { more: true }),
    ];
    for (const part of parts) {
      const agent = await relay.agent([], await relay.newAgentToken());
      const text = JSON.stringify(part);
      const before = await liveBytes();
      for (let count = 0; count < 8; count += 1) agent.sendText(text);
      t.same([await agent.closed(), agent.closeReason], [1009, "over --workspace-bytes"]);
      await until("nothing of it is kept", async () => (await liveBytes()) - before < 4 * MIB);
      await staysRight();
    }
  },
);

t.test("a chat's list that is always another one stays within the rows that a chat may have", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent();
  agent.rootsOf = undefined;
  await relay.client();
  await agent.next("watch");
  for (let round = 0; round < 3; round += 1) {
    const roots = Array.from({ length: 9_500 }, (_, at) => `/${round}-${at}`);
    agent.send({ type: "chat", chat: relay.chat, roots });
  }
  agent.send(updateOf([]));
  await agent.next("ack");
  const store = new SqliteStore(relay.dataDir);
  t.teardown(() => store.close());
  const ofLast = () => store.chatRoots.present(relay.chat).filter((root) => root.startsWith("/2-")).length;
  await until("the last list is written", () => ofLast() === 9_500);
  // counted by a store that has not seen the writes come in
  const rows = async () => {
    const fresh = new SqliteStore(relay.dataDir);
    const count = fresh.chatRoots.rowCount(relay.workspace);
    await fresh.close();
    return count;
  };
  await until("what is too much has gone", async () => (await rows()) <= 10_000);
  t.equal(await rows(), 10_000);
  t.equal(store.chatRoots.present(relay.chat).length, 9_500);
});

t.test("a storm of troubles, and of agents that come and go, is a few lines in the log, and is counted", async (t) => {
  const lines: string[] = [];
  const log = createLogger("relay", "info", { write: (line) => void lines.push(line) });
  const { relay, staysRight, metric } = await startBeside(t, { log });
  const agent = await relay.agent([]);
  for (let count = 0; count < 3_000; count += 1) {
    agent.send({ type: "trouble", root: `/${count % 1_000}`, chat: null, code: "TW_X", message: "m".repeat(500) });
  }
  agent.send(updateOf([]));
  await agent.next("ack");
  t.equal(await metric("treewire_troubles_total"), 3_000);
  for (let count = 0; count < 50; count += 1) {
    const next = await relay.agent([]);
    next.vanish();
  }
  await staysRight();
  t.ok(lines.length < 80, `${lines.length} lines`);
});

t.test(
  "a diff over the limit is cut when it comes, for delta clients too, and what changes it is asked for whole",
  async (t) => {
    const relay = await TestRelay.start(t);
    const agent = await relay.agent([APP]);
    const big = (name: string, size: number) => fileOf(name, "", { hunks: `@@ -0,0 +1 @@\n+${"x".repeat(size)}\n` });
    agent.tell(APP, [big("a", 2_000_000), big("b", 1_500_000), fileOf("c", "small")]);
    const client = await DeltaClient.open(t, relay.watchUrl(), { token: relay.clientToken });
    const files = () => client.assembler.trees.get(APP)?.files ?? [];
    await until("the first state", () => files().length === 3);
    t.same(
      files().map(({ omitted_bytes }) => omitted_bytes),
      [2_000_016, 0, 0],
    );
    agent.change(APP, [{ removes: ["t:b"] }]);
    await agent.next("resync");
    agent.tell(APP, [big("a", 2_000_000), fileOf("c", "changed")]);
    await until("the second state", () => unifiedDiff(files()).includes("+changed\n"));
    t.same(
      files().map(({ key, omitted_bytes }) => [key, omitted_bytes]),
      [
        ["t:a", 0],
        ["t:c", 0],
      ],
      "what was cut is whole again",
    );
    agent.change(APP, [{ upserts: [big("d", 2_000_000)] }]);
    await until("the third state", () => files().length === 3);
    t.ok(Buffer.byteLength(unifiedDiff(files())) <= 3 * MIB, "a change can go over it as well");
    t.ok(Math.max(...client.sizes) <= 3 * MIB, "and no message has more");
    agent.change(APP, [{ removes: ["t:d"] }]);
    await agent.next("resync", 2);
  },
);

t.test("names without end are no way around the limit of what clients are sent", async (t) => {
  const { relay, staysRight } = await startBeside(t);
  const agent = await relay.agent([APP]);
  const names = Array.from({ length: 4 }, (_, at) =>
    fileOf(`${at}`, "", { path: "p".repeat(0.9 * MIB), header: "", hunks: "" }),
  );
  agent.tell(APP, names);
  t.same([await agent.closed(), agent.closeReason], [1009, "over the diff limit"]);
  await staysRight();
});

t.test("roots without end of a chat are refused", async (t) => {
  const { relay, staysRight } = await startBeside(t);
  const agent = await relay.agent();
  await relay.client();
  await agent.next("watch");
  const roots = Array.from({ length: 1_000 }, (_, at) => `/${at}`.padEnd(4_000, "x"));
  agent.send({ type: "chat", chat: relay.chat, roots });
  t.equal(await agent.closed(), 1009);
  await staysRight();
});

t.test("an agent that sends faster than it may is held, loses nothing, and keeps nobody waiting", async (t) => {
  const limits = { agentMessagesPerSecond: 20, pingIntervalMs: 400 };
  const { relay, staysRight, metric } = await startBeside(t, { limits });
  const agent = await relay.agent([]);
  for (let count = 0; count < 400; count += 1) agent.send(updateOf([], { root: `/${count}` }));
  await until("it is held", async () => (await metric('treewire_drops_total{reason="rate_limited"}')) > 0);
  await staysRight();
  await agent.next("ack", 400);
  t.equal(agent.closeCode, undefined);
});
