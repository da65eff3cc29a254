import t from "tap";
import { TUNNEL_PATH, TUNNEL_SUBPROTOCOL } from "../../../src/protocol/index.js";
import { refusedUpgrade } from "../../support/watch-client.js";
import { FakeAgent, fileOf, metaOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";

const APP = "/home/me/app";

t.test("a tunnel opens for an agent's token in the bearer header alone", async (t) => {
  const relay = await TestRelay.start(t);
  const headersOf: Record<string, Record<string, string>> = {
    none: {},
    nonsense: { authorization: "Bearer nonsense" },
    "a client's": { authorization: `Bearer ${relay.clientToken}` },
    "another header": { "coder-session-token": relay.agentToken },
    cookie: { cookie: `coder_session_token=${relay.agentToken}` },
  };
  for (const [what, headers] of Object.entries(headersOf)) {
    const refused = await refusedUpgrade(t, `${relay.url}${TUNNEL_PATH}`, { headers });
    t.equal(refused.status, 401, what);
  }
  const inQuery = `${relay.url}${TUNNEL_PATH}?coder_session_token=${relay.agentToken}`;
  t.equal((await refusedUpgrade(t, inQuery)).status, 401, "query");
  const bearer = { authorization: `Bearer ${relay.agentToken}` };
  const refused = await refusedUpgrade(t, `${relay.url}${TUNNEL_PATH}`, { headers: bearer });
  t.same([refused.status, refused.body], [400, { message: `Sub-protocol ${TUNNEL_SUBPROTOCOL} is required.` }]);
});

t.test("an agent of another protocol version is closed with a code that says so", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await FakeAgent.connect(t, relay.url, relay.agentToken, { hello: false });
  agent.send({ type: "hello", protocol: 99, agent: "from the future" });
  t.equal(await agent.closed(), 4004);
});

t.test("an agent that does not begin with hello is closed", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await FakeAgent.connect(t, relay.url, relay.agentToken, { hello: false });
  agent.send({ type: "gone", root: APP });
  t.equal(await agent.closed(), 1002);
});

t.test("messages that make no sense are left out, and the rest goes on", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const client = await relay.client();
  await client.first();
  for (const text of [
    "",
    "{",
    "null",
    '{"type":"tree"}',
    '{"type":"chat","chat":"x","roots":[]}',
    "[".repeat(10_000),
  ]) {
    agent.sendText(text);
  }
  agent.send({ type: "refreshed", id: 12_345, scanned_at: new Date().toISOString() });
  agent.send({ type: "gone", root: "/nowhere" });
  agent.tell(APP, [fileOf("x", "still here")]);
  await client.diffWith(APP, "still here");
});

t.test("an agent that sends nothing but nonsense is closed", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  for (let count = 0; count < 100; count += 1) agent.sendText("nonsense");
  t.equal(await agent.closed(), 1002);
});

t.test(
  "one long message that makes no sense ends a tunnel, whatever it begins with; a short one does not",
  async (t) => {
    const shapes = [
      (length: number) => "a".repeat(length),
      (length: number) => " \t\r\n[".padEnd(length, "["),
      (length: number) => JSON.stringify({ type: "later", text: "x".repeat(length - 26) }),
      (length: number) => `{"type":"tree",${'"x":0,'.repeat(length / 6)}`,
    ];
    for (const shape of shapes) {
      const relay = await TestRelay.start(t);
      const agent = await relay.agent([]);
      agent.sendText(shape(60_000));
      agent.tell("/a", []);
      await agent.next("ack");
      t.equal(agent.closeCode, undefined);
      agent.sendText(shape(70_000));
      t.equal(await agent.closed(), 1002);
    }
  },
);

t.test("an update without an end is cut off at the limit", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  const hunks = "x".repeat(1024 * 1024);
  for (let count = 0; count < 14; count += 1) {
    agent.send({
      type: "tree",
      root: APP,
      epoch: "epoch-1-",
      seq: 1,
      base: null,
      meta: metaOf(),
      upserts: [fileOf(`f${count}`, "", { hunks })],
      removes: [],
      more: true,
    });
  }
  t.equal(await agent.closed(), 1009);
});

t.test("a diff over the limit of 3 MiB is cut by the relay when the agent has not", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  const big = (name: string, size: number) => fileOf(name, "", { hunks: `@@ -0,0 +1 @@\n+${"x".repeat(size)}\n` });
  agent.tell(APP, [big("a", 2_000_000), big("b", 1_500_000), fileOf("c", "small")]);
  const client = await relay.client();
  const first = await client.first();
  t.match(first.repositories, [{ truncated: true, omitted_files: [{ path: "a", bytes: 2_000_016 }] }]);
  const diff = first.repositories?.[0]?.unified_diff ?? "";
  t.ok(Buffer.byteLength(diff) <= 3 * 1024 * 1024);
  t.match(diff, "+++ b/a\nFile diff too large to show. Diff size: 1.9 MiB\ndiff --git a/b b/b");
  agent.tell(APP, [], { too_large_bytes: 12 * 1024 * 1024 });
  await client.diffWith(APP, "Total diff too large to show. Size: 12 MiB. Showing branch and remote only.");
});
