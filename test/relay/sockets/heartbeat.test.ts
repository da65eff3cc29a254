// Bytes are life: a message that takes longer to arrive than a ping may go unanswered ends no socket.
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import t, { type Test } from "tap";
import { WebSocket } from "ws";
import { type AgentMessage, TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../../src/protocol/index.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { until } from "../../support/until.js";
import { WatchClient } from "../../support/watch-client.js";
import { FakeAgent, fileOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";
import { APP, updateOf } from "../support/states.js";

/** So often a peer is pinged while it sends one message. */
const PINGS = 5;

const limits = { ...DEFAULT_LIMITS, pingIntervalMs: 200 };

/** A text message in one frame, as a client sends it, masked with zeros. */
function frameOf(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.from([0x81, 0x80 | 126, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

/** A socket that answers no ping, and sends a message in so many pieces, one whenever it has been pinged. */
async function drip(t: Test, socket: WebSocket, stream: Socket, text: string): Promise<void> {
  let pings = 0;
  socket.on("ping", () => {
    pings += 1;
  });
  const frame = frameOf(text);
  const size = Math.ceil(frame.length / (PINGS + 1));
  for (let piece = 0; piece <= PINGS; piece += 1) {
    await until(`ping ${piece}`, () => pings >= piece || socket.readyState !== WebSocket.OPEN);
    t.equal(socket.readyState, WebSocket.OPEN, `open after ${piece} pings`);
    stream.write(frame.subarray(piece * size, (piece + 1) * size));
  }
}

async function opened(t: Test, url: string, protocol: string | undefined, headers: Record<string, string>) {
  const socket = new WebSocket(url.replace(/^http/, "ws"), protocol, { headers, autoPong: false });
  t.teardown(() => socket.terminate());
  const messages: { type: string }[] = [];
  socket.on("message", (data) => messages.push(JSON.parse(String(data))));
  const upgraded = once(socket, "upgrade");
  await once(socket, "open");
  const [{ socket: stream }] = (await upgraded) as [{ socket: Socket }];
  return { socket, stream, messages };
}

t.test("an agent's message may take any time, as long as bytes of it come", async (t) => {
  const relay = await TestRelay.start(t, { limits });
  const headers = { authorization: `Bearer ${relay.agentToken}` };
  const { socket, stream, messages } = await opened(t, relay.url + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, headers);
  const hello: AgentMessage = { type: "hello", protocol: TUNNEL_VERSION, agent: "slow" };
  socket.send(JSON.stringify(hello));
  await drip(t, socket, stream, JSON.stringify(updateOf([fileOf("a", "1")], { root: APP })));
  await until("it is acknowledged", () => messages.some(({ type }) => type === "ack"));
});

t.test("a client's message may take any time, as long as bytes of it come", async (t) => {
  const relay = await TestRelay.start(t, { limits });
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const headers = { "coder-session-token": relay.clientToken };
  const { socket, stream, messages } = await opened(t, relay.watchUrl(), undefined, headers);
  await drip(t, socket, stream, JSON.stringify({ type: "nonsense", text: "x".repeat(500) }));
  await until("it is answered", () => messages.some(({ type }) => type === "error"));
});

t.test("a client that sends nothing is closed beside one that does", async (t) => {
  const relay = await TestRelay.start(t, { limits });
  await relay.agent([APP]);
  const token = { "coder-session-token": relay.clientToken };
  const silent = await WatchClient.open(t, relay.watchUrl(), { headers: token, autoPong: false });
  const good = await WatchClient.open(t, relay.watchUrl(), { headers: token });
  t.equal(await silent.closed(), 1006);
  t.equal(good.closeCode, undefined);
});

t.test("a client to which a large frame may be on its way is given the time that a slow link takes", async (t) => {
  const relay = await TestRelay.start(t, { limits });
  const rootsOf = (chat: string) => (chat === relay.chat ? [APP] : []);
  const agent = await FakeAgent.connect(t, relay.url, relay.agentToken, { rootsOf });
  agent.tell(APP, [fileOf("a", randomBytes(300_000).toString("base64"))]);
  const token = { "coder-session-token": relay.clientToken };
  const slow = await WatchClient.open(t, relay.watchUrl(), { headers: token, autoPong: false });
  await slow.first();
  const chat = await relay.bind({ chat: randomUUID(), paths: ["/elsewhere"] });
  const url = relay.watchUrl(chat);
  for (let count = 0; count < 3; count += 1) {
    const silent = await WatchClient.open(t, url, { headers: token, autoPong: false });
    t.equal(await silent.closed(), 1006);
  }
  t.equal(slow.closeCode, undefined, "it was pinged before they were, and answers as little");
});
