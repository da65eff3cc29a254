// A process that has one client's token, and does with it whatever HTTP and the watch sockets let it do, drawn at random.
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { DELTA_SUBPROTOCOL } from "../../src/protocol/index.js";
import { randomMessage } from "../../test/relay/support/random-messages.js";
import { Random } from "../../test/support/random.js";
import { type Orders, pause, runOrders } from "./orders.js";
import { ownAgent } from "./own-agent.js";

const MOST_SOCKETS = 400;
const PNG = Buffer.from("89504e470d0a1a0a", "hex");

type Act = (orders: Orders, random: Random) => Promise<void> | void;

const sockets = new Set<WebSocket>();

/** A watch socket that stays open, reads or does not, and talks more than it should. */
const watch: Act = ({ url, token, chats }, random) => {
  const oldest = sockets.values().next().value;
  if (sockets.size >= MOST_SOCKETS) oldest?.terminate();
  const query = random.chance(0.3) ? "?stale=ok" : "";
  const address = `${url.replace(/^http/, "ws")}/chats/${random.pick(chats)}/git/watch${query}`;
  const socket = new WebSocket(address, random.chance(0.5) ? [DELTA_SUBPROTOCOL] : [], {
    headers: { "coder-session-token": random.chance(0.95) ? token : "nonsense" },
    autoPong: random.chance(0.9),
  });
  sockets.add(socket);
  socket.on("error", () => undefined); // refused, or cut
  socket.on("close", () => sockets.delete(socket));
  socket.once("open", () => random.chance(0.3) && socket.pause());
};

/** Every socket says something, much of it nonsense, some of it costly. */
const talk: Act = async (_orders, random) => {
  for (const socket of sockets) {
    for (let count = random.small(1, 300); count > 0 && socket.readyState === WebSocket.OPEN; count -= 1) {
      if (socket.bufferedAmount > 1_000_000) break;
      socket.send(randomMessage(random, () => ({ type: random.pick(["refresh", "resync"]), root: "/work/1" })));
    }
    if (random.chance(0.1)) await pause(0);
  }
};

const leave: Act = (_orders, random) => {
  for (const socket of sockets) if (random.chance(0.5)) socket.terminate();
};

/** Calls of its own chats and files, and of others', which are not its business. */
const call: Act = async ({ url, token, chats }, random) => {
  const chat = random.chance(0.5) ? random.pick(chats) : randomUUID();
  const [method, path, body] = random.pick<readonly [string, string, string?]>([
    ["GET", `/chats/${chat}`],
    ["POST", `/chats/${chat}/archive`],
    ["POST", `/chats/${chat}/unarchive`],
    ["PATCH", `/chats/${chat}`, '{"archived":false}'],
    ["GET", `/chats/files/${randomUUID()}`],
    ["DELETE", `/chats/files/${randomUUID()}`],
    ["GET", "/admin/tokens"],
    ["POST", "/admin/tokens", "{".repeat(60_000)],
    ["GET", "/metrics"],
    ["GET", "/openapi.json"],
    ["GET", `/${"x".repeat(random.small(1, 12_000))}`],
  ]);
  const headers = {
    "coder-session-token": random.chance(0.9) ? token : "nonsense",
    "content-type": "application/json",
  };
  const calls = Array.from({ length: random.small(1, 60) }, () =>
    ask(url + path, { method, headers, ...(body && { body }) }),
  );
  await Promise.all(calls);
};

/** Files as large as they may be, several at once, some of them never finished. */
const upload: Act = async ({ url, token }, random) => {
  const address = `${url}/chats/files?organization=${randomUUID()}`;
  const headers = { "coder-session-token": token, "content-type": "image/png" };
  const body = Buffer.concat([PNG, Buffer.alloc(random.small(0, 11 * 1024 * 1024), random.below(256))]);
  const calls = Array.from({ length: random.small(1, 12) }, () => ask(address, { method: "POST", headers, body }));
  await Promise.all(calls);
};

/** Bytes on a bare connection: half requests, slow ones, and what is no request. */
const bare: Act = async ({ url, token }, random) => {
  const { hostname, port } = new URL(url);
  for (let count = random.small(1, 40); count > 0; count -= 1) {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.setTimeout(5_000, () => socket.destroy());
    socket.write(
      random.pick([
        "GET / HTTP/1.1\r\nHost: x\r\n",
        `POST /chats/files?organization=${randomUUID()} HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: ${token}\r\nContent-Type: image/png\r\nContent-Length: 9999999\r\n\r\n\x89PNG`,
        `GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(40_000)}\r\n\r\n`,
        "\x16\x03\x01",
        "GET /chats/x/git/watch HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      ]),
      "latin1",
    );
    if (random.chance(0.5)) socket.end();
  }
  await pause(10);
};

async function ask(url: string, options: RequestInit): Promise<void> {
  try {
    const response = await fetch(url, { ...options, signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
  } catch {
    // refused, cut or too slow: whatever the relay does to it is right, as long as nobody else notices
  }
}

const ACTS = [watch, watch, watch, talk, talk, leave, call, call, upload, bare] as const;

await runOrders(async (orders, isOver) => {
  const random = new Random(orders.seed);
  const endAgent = await ownAgent(orders.url, orders.agentToken);
  while (!isOver()) {
    await random.pick(ACTS)(orders, random);
    await pause(random.pick([0, 0, 5, 50]));
  }
  for (const socket of sockets) socket.terminate();
  endAgent();
});
