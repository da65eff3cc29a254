import { randomUUID } from "node:crypto";
import { once } from "node:events";
import t from "tap";
import { WebSocket } from "ws";
import { DELTA_SUBPROTOCOL, TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../../src/protocol/index.js";
import { bindChat, createToken } from "../../../src/relay/index.js";
import { liveBytes } from "../../support/live-bytes.js";
import { Random, SEED } from "../../support/random.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { CountingClient } from "../../support/watch-client.js";
import { FakeAgent, fileOf, metaOf } from "../support/fake-agent.js";
import { randomMessage } from "../support/random-messages.js";
import { RawConnection } from "../support/raw.js";
import { TestRelay } from "../support/relay.js";

const APP = "/home/me/app";
/** Messages to each kind of socket. `MESSAGES`: more, as `.ci/run` has it. */
const MESSAGES = Number(process.env.MESSAGES ?? 20_000);
/** How many are sent before their answers are waited for. */
const BATCH = 2_000;
/** What the heap may move by from one moment to another without anything having grown. Bytes. */
const SLACK_BYTES = 16 * 1024 * 1024;
const UNLIMITED = {
  requestsPerAddress: 1e9,
  requestsPerToken: 1e9,
  failuresPerAddress: 1e9,
  messagesPerSecond: 1e9,
  clientMessagesPerSecond: 1e9,
  clientBytesPerSecond: 1e12,
};

t.setTimeout(0); // the limit of the file counts

/** A relay, and beside what is attacked another workspace with an agent and a client that must stay right. */
async function start(t: Cleanup) {
  const relay = await TestRelay.start(t, { limits: UNLIMITED });
  const workspace = randomUUID();
  const chat: string = randomUUID();
  const agentToken = await createToken(relay.dataDir, { kind: "agent", workspace });
  await bindChat(relay.dataDir, { chat, workspace, owner: "alice" });
  const bystander = await FakeAgent.connect(t, relay.url, agentToken, { rootsOf: () => [APP] });
  bystander.tell(APP, [fileOf("x", "one")]);
  const client = await relay.client(chat);
  await client.diffWith(APP, "one");
  const staysRight = async () => {
    bystander.tell(APP, [fileOf("x", "two")]);
    await client.diffWith(APP, "two");
    if (client.closeCode !== undefined || client.errors.length > 0) throw new Error("the bystander was disturbed");
  };
  return { relay, staysRight };
}

/** What a message is to a watch socket: judged by the contract's words, not by the relay's schemas. */
function meaning(message: string | Buffer, isDelta: boolean): "refresh" | "named" | "resync" | "unknown" {
  if (typeof message !== "string") return "unknown";
  try {
    const value = JSON.parse(message);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "unknown";
    if (value.type === "refresh" && !("id" in value)) return "refresh";
    if (value.type === "refresh") return typeof value.id === "string" && value.id.length <= 64 ? "named" : "unknown";
    return isDelta && value.type === "resync" && typeof value.root === "string" ? "resync" : "unknown";
  } catch {
    return "unknown";
  }
}

for (const [name, isDelta, answer] of [
  ["the git stream", false, "changes"],
  ["a delta stream", true, "checked"],
] as const) {
  t.test(`${MESSAGES} random messages on ${name}: each is answered rightly, and nothing grows`, async (t) => {
    const { relay, staysRight } = await start(t);
    const agent = await relay.agent([APP]);
    agent.tell(APP, [fileOf("x", "mine")]);
    const client = await CountingClient.open(t, relay.watchUrl(), { token: relay.clientToken, isDelta });
    await until("the first state", () => client.count(answer) > 0);
    const random = new Random(SEED);
    const right = (random: Random) =>
      isDelta && random.chance(0.3)
        ? { type: "resync", root: random.pick([APP, "/nowhere", ""]) }
        : { type: "refresh", ...(random.chance(0.3) && { id: "x".repeat(random.below(70)) }) };
    const sent = { refresh: 0, named: 0, resync: 0, unknown: 0 };
    let before = 0;
    for (let done = 0; done < MESSAGES; done += BATCH) {
      for (let at = 0; at < BATCH; at += 1) {
        const message = randomMessage(random, right);
        sent[meaning(message, isDelta)] += 1;
        client.socket.send(message, { binary: typeof message !== "string" });
      }
      const errors = () => client.count("error: unknown message type") === sent.unknown;
      // one frame may answer all that are named, and a resync is followed by `checked`, unless that was the answer
      const least = sent.refresh + 1;
      const most = isDelta ? Number.POSITIVE_INFINITY : least + sent.named;
      const answers = () =>
        client.named === sent.named && client.count(answer) >= least && client.count(answer) <= most;
      const seen = () => ({ sent, counts: [...client.counts], closed: client.closeCode });
      await until("every answer", () => errors() && answers(), { seen });
      agent.received.length = 0;
      if (done === 0) before = await liveBytes();
    }
    const after = await liveBytes();
    t.ok(after - before < SLACK_BYTES, `from ${before} to ${after} bytes`);
    t.same(
      [...client.counts.keys()].filter((kind) => kind.startsWith("error") && !kind.endsWith("type")),
      [],
    );
    t.equal(client.closeCode, undefined);
    agent.tell(APP, [fileOf("x", "still mine")]);
    await until("it goes on", () => client.last.includes("still mine") || isDelta, { seen: () => client.last });
    await staysRight();
  });
}

/** Messages of the tunnel, of all kinds, about a few roots and chats. */
function tunnelMessage(relay: TestRelay) {
  return (random: Random): object => {
    const root = random.pick([APP, "/", "/other", `/r${random.below(50)}`]);
    const chat = random.pick([relay.chat, randomUUID()]);
    const now = new Date().toISOString();
    const seq = 1 + random.below(5);
    const upserts = Array.from({ length: random.below(3) }, (_, at) => fileOf(`f${at}`, random.pick(["a", "b"])));
    return random.pick<object>([
      { type: "hello", protocol: TUNNEL_VERSION, agent: "x" },
      { type: "chat", chat, roots: [root] },
      {
        type: "tree",
        root,
        epoch: "epoch-000",
        seq,
        base: random.pick([null, seq]),
        meta: metaOf(),
        upserts,
        removes: random.pick([[], ["t:f0"]]),
        more: random.chance(0.3),
      },
      { type: "scanned", root, scanned_at: now },
      { type: "gone", root },
      { type: "refreshed", id: random.below(100), scanned_at: now },
      { type: "trouble", root: random.pick([root, null]), chat: random.pick([chat, null]), code: "X", message: "y" },
    ]);
  };
}

t.test(`${MESSAGES} random messages of agents: whoever keeps on is closed, others see nothing of it`, async (t) => {
  const { relay, staysRight } = await start(t);
  const random = new Random(SEED);
  const right = tunnelMessage(relay);
  const codes = new Map<number, number>();
  let before = 0;
  for (let sent = 0, round = 0; sent < MESSAGES; round += 1) {
    const socket = new WebSocket(relay.url.replace(/^http/, "ws") + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, {
      headers: { authorization: `Bearer ${await relay.newAgentToken()}` }, // the one before has to wait
    });
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.on("error", () => undefined);
    await once(socket, "open");
    if (random.chance(0.9)) socket.send(JSON.stringify({ type: "hello", protocol: TUNNEL_VERSION, agent: "x" }));
    for (let at = 0; at < 250; at += 1) {
      const message = randomMessage(random, right);
      socket.send(message, { binary: typeof message !== "string" });
    }
    sent += 250;
    const code = await closed;
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (round === 10) before = await liveBytes();
  }
  const allowed = new Set([1002, 1007, 4001, 4004]);
  t.same(
    [...codes.keys()].filter((code) => !allowed.has(code)),
    [],
    JSON.stringify([...codes]),
  );
  const after = await liveBytes();
  t.ok(after - before < SLACK_BYTES, `from ${before} to ${after} bytes`);
  await staysRight();
  const agent = await relay.agent([APP], await relay.newAgentToken());
  agent.tell(APP, [fileOf("x", "the true state")]);
  const client = await relay.client();
  const first = await client.first();
  t.same(
    first.repositories?.filter(({ removed }) => !removed).map(({ repo_root }) => repo_root),
    [APP],
    "and the next agent's word counts",
  );
  await client.diffWith(APP, "the true state");
});

t.test("bytes that are no WebSocket frames end the connection, and nothing else", async (t) => {
  const { relay, staysRight } = await start(t);
  await relay.agent([APP]);
  const random = new Random(SEED);
  for (let count = 0; count < 300; count += 1) {
    const isTunnel = random.chance(0.3);
    const path = isTunnel ? TUNNEL_PATH : new URL(relay.watchUrl()).pathname;
    const headers = [
      `GET ${path} HTTP/1.1`,
      "Host: relay",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`,
      "Sec-WebSocket-Extensions: permessage-deflate",
      `Authorization: Bearer ${isTunnel ? await relay.newAgentToken() : relay.clientToken}`,
      ...(isTunnel ? [`Sec-WebSocket-Protocol: ${TUNNEL_SUBPROTOCOL}`] : []),
    ];
    const connection = new RawConnection(t, relay.url);
    connection.socket.write(`${headers.join("\r\n")}\r\n\r\n`);
    connection.socket.end(Buffer.from(Array.from({ length: 1 + random.below(200) }, () => random.below(256))));
    await connection.closed();
    t.match(connection.text, /^HTTP\/1\.1 (101|400)/);
  }
  await staysRight();
});

t.test("a frame that unpacks to more than it may is cut off before it has", async (t) => {
  const { relay, staysRight } = await start(t);
  await relay.agent([APP]);
  const packed = Buffer.alloc(64 * 1024 * 1024, " "); // 64 KiB on the wire
  const bomb = async (url: string, protocols: string[], headers: Record<string, string>) => {
    const socket = new WebSocket(url, protocols, { headers, perMessageDeflate: { threshold: 0 } });
    t.teardown(() => socket.terminate());
    socket.on("error", () => undefined);
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    await once(socket, "open");
    t.match(socket.extensions, "permessage-deflate");
    socket.send(packed, { binary: false, compress: true });
    t.equal(await closed, 1009, `${url.slice(0, 40)} ${protocols}`);
  };
  const watchUrl = relay.watchUrl().replace(/^http/, "ws");
  const before = await liveBytes();
  for (const protocols of [[], [DELTA_SUBPROTOCOL]]) {
    await bomb(watchUrl, protocols, { "coder-session-token": relay.clientToken });
  }
  const tunnelUrl = relay.url.replace(/^http/, "ws") + TUNNEL_PATH;
  await bomb(tunnelUrl, [TUNNEL_SUBPROTOCOL], { authorization: `Bearer ${relay.agentToken}` });
  await until("nothing of it is kept", async () => (await liveBytes()) - before < SLACK_BYTES);
  await staysRight();
});

t.test("an agent's unfinished updates, trees and troubles are bounded", async (t) => {
  const { relay, staysRight } = await start(t);
  const hunks = "x".repeat(1024 * 1024);
  const part = (root: string) => ({
    ...{ type: "tree" as const, root, epoch: "epoch-1-", seq: 1, base: null, meta: metaOf(), removes: [] },
    upserts: [fileOf("f", "", { hunks })],
    more: true,
  });
  const parts = await relay.agent([]);
  for (let count = 0; count < 120; count += 1) parts.send(part(`/tree-${count}`));
  t.equal(await parts.closed(), 1009, "unfinished updates of many trees");

  const trees = await relay.agent([], await relay.newAgentToken());
  for (let count = 0; count < 10_001; count += 1) {
    trees.send({ ...part(`/tree-${count}`), upserts: [], more: false });
  }
  t.equal(await trees.closed(), 1009, "more trees than a workspace may have");
  const next = await relay.agent([APP], await relay.newAgentToken());
  t.ok(next.all("welcome")[0], "the next agent is welcome all the same");

  const client = await relay.client();
  await next.next("watch");
  for (let count = 0; count < 5_000; count += 1) {
    next.send({ type: "trouble", root: `/t-${count}`, chat: relay.chat, code: "X", message: "m".repeat(900) });
  }
  next.tell(APP, [fileOf("x", "and the state")]);
  await client.diffWith(APP, "and the state");
  const late = await relay.client();
  await late.first();
  late.refresh();
  await late.changesFrame(2);
  t.ok(late.errors.length <= 101, `${late.errors.length} troubles are kept for those who come later`);
  await staysRight();
});
