import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { constants, deflateRawSync } from "node:zlib";
import t, { type Test } from "tap";
import { TUNNEL_PATH, TUNNEL_SUBPROTOCOL } from "../../../src/protocol/index.js";
import { READ_BYTES } from "../../../src/relay/budgets/read-budget.js";
import { until } from "../../support/until.js";
import { RawConnection } from "../support/raw.js";
import { TestRelay } from "../support/relay.js";

const MIB = 1024 * 1024;
const CONNECTIONS = 6;

/** Of each connection, the chunk that reaches the limit, and the one that is under way when it does. */
const MOST_IN_TURN = READ_BYTES + CONNECTIONS * 2 * 64 * 1024;

/** The sockets that a relay in this process accepts from here on. */
function acceptedSockets(t: Test): Set<Socket> {
  const sockets = new Set<Socket>();
  const onSocket = (message: unknown) => sockets.add((message as { socket: Socket }).socket);
  subscribe("net.server.socket", onSocket);
  t.teardown(() => unsubscribe("net.server.socket", onSocket));
  return sockets;
}

/** @returns how many bytes were read of all sockets in one turn of the event loop at most, until so many have come */
async function mostInTurn(sockets: ReadonlySet<Socket>, bytes: number): Promise<number> {
  const isOpen = () => [...sockets].every(({ destroyed }) => !destroyed);
  const read = () => [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  let most = 0;
  for (let before = read(); before < bytes; ) {
    await nextTurn();
    const now = read();
    if (now < bytes && !isOpen()) throw new Error(`a socket was closed after ${now} bytes`);
    most = Math.max(most, now - before);
    before = now;
  }
  return most;
}

/** An agent's request for its tunnel. @param headers further ones */
function upgradeOf({ agentToken }: TestRelay, ...headers: string[]): string {
  return [
    ...[`GET ${TUNNEL_PATH} HTTP/1.1`, "Host: x", "Connection: Upgrade", "Upgrade: websocket"],
    ...["Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`],
    ...[`Sec-WebSocket-Protocol: ${TUNNEL_SUBPROTOCOL}`, `Authorization: Bearer ${agentToken}`],
    ...[...headers, "\r\n"],
  ].join("\r\n");
}

t.test("bodies that nobody wants are read piece by piece, with turns for others in between", async (t) => {
  const relay = await TestRelay.start(t, { limits: { clientBytesPerSecond: 1e12, requestTimeoutMs: 300_000 } });
  const sockets = acceptedSockets(t);
  const connections = Array.from({ length: CONNECTIONS }, () => new RawConnection(t, relay.url));
  const body = Buffer.alloc(16 * MIB);
  for (const { socket } of connections) {
    socket.write(`POST /chats/${relay.chat}/archive HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
    socket.write(body);
  }
  const most = await mostInTurn(sockets, CONNECTIONS * body.length);
  t.ok(most <= MOST_IN_TURN, `${most} bytes in a turn, of ${MOST_IN_TURN}`);
  for (const { socket } of connections) socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("the next requests are answered", () => connections.every(({ text }) => text.includes("HTTP/1.1 200 ")));
});

t.test("so are the frames of an agent that is connected several times", async (t) => {
  const relay = await TestRelay.start(t, { limits: { agentFrameBytes: 64 * MIB, helloTimeoutMs: 300_000 } });
  const sockets = acceptedSockets(t);
  const connections = Array.from({ length: CONNECTIONS }, () => new RawConnection(t, relay.url));
  for (const { socket } of connections) socket.write(upgradeOf(relay));
  await until("all are open", () => connections.every(({ status }) => status === 101));
  // the beginning of a masked frame of 32 MiB, of which half comes
  const head = Buffer.alloc(14);
  head.set([0x82, 0x80 | 127]);
  head.writeBigUInt64BE(BigInt(32 * MIB), 2);
  const half = Buffer.alloc(16 * MIB);
  for (const { socket } of connections) {
    socket.write(head);
    socket.write(half);
  }
  const most = await mostInTurn(sockets, CONNECTIONS * half.length);
  t.ok(most <= MOST_IN_TURN, `${most} bytes in a turn, of ${MOST_IN_TURN}`);
  for (const { socket } of connections) socket.destroy();
});

t.test(
  "what comes behind the end of a tunnel is read away, also when a packed message is right before it",
  async (t) => {
    const relay = await TestRelay.start(t, { limits: { helloTimeoutMs: 300_000 } });
    const sockets = acceptedSockets(t);
    const { socket } = new RawConnection(t, relay.url);
    socket.write(upgradeOf(relay, "Sec-WebSocket-Extensions: permessage-deflate"));
    await until("it is open", () => socket.bytesRead > 0);
    const packed = deflateRawSync(Buffer.from("[]"), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const message = Buffer.concat([Buffer.from([0xc1, 0x80 | packed.length]), Buffer.alloc(4), packed]);
    const close = Buffer.concat([Buffer.from([0x88, 0x82]), Buffer.alloc(4), Buffer.from([0x03, 0xe8])]);
    const junk = Buffer.alloc(16 * MIB);
    socket.write(Buffer.concat([message, close, junk]));
    const [accepted] = sockets;
    await until("the relay has ended it", () => accepted?.destroyed === true);
    t.ok((accepted?.bytesRead ?? 0) >= junk.length, "all of it was read first");
  },
);
