// A process that has one agent's token, and does with it whatever an agent's protocol lets it do, drawn at random.
import { WebSocket } from "ws";
import { TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../src/protocol/index.js";
import { Random } from "../../test/support/random.js";
import { hostileFrames } from "./frames.js";
import { type Orders, openOrClosed, pause, runOrders } from "./orders.js";

/** Before a socket has taken so many bytes, nothing more is written to it. */
const MOST_WAITING = 8 * 1024 * 1024;

/** A connection lives this long at most, in milliseconds; then another one is made. */
const LONGEST_MS = 6_000;

const ACCOMPLICES_EACH = 2;
const COME_BACK_MS = 250;

/** One connection from its beginning to its end, in one of the ways that connections go wrong. */
async function connection(orders: Orders, random: Random, isOver: () => boolean): Promise<void> {
  const { url, token, manner } = orders;
  const isRude = manner === "rude";
  const socket = new WebSocket(url.replace(/^http/, "ws") + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, {
    headers: { authorization: `Bearer ${token}` },
    autoPong: !isRude || random.chance(0.9),
    perMessageDeflate: isRude && random.chance(0.5) && { threshold: 0 },
  });
  socket.on("error", () => undefined); // refused, or cut: that is what the relay is there for
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await openOrClosed(socket);
  if (isRude && random.chance(0.05)) socket.terminate(); // connected, and gone without a word
  const hello = JSON.stringify({ type: "hello", protocol: TUNNEL_VERSION, agent: "x".repeat(random.below(100)) });
  if (!isRude || random.chance(0.9)) send(socket, hello);
  if (isRude && random.chance(0.1)) socket.pause(); // it never reads
  const end = performance.now() + random.below(LONGEST_MS);
  // one kind of frame at a time for a while, so that each is seen at its full rate
  while (socket.readyState === WebSocket.OPEN && performance.now() < end && !isOver()) {
    const kind = random.below(1_000_000);
    const spacing = random.pick([0, 0, 0, 1, 20]);
    const count = random.small(1, 2_000);
    for (let at = 0; at < count && socket.readyState === WebSocket.OPEN && performance.now() < end; at += 1) {
      if (socket.bufferedAmount > MOST_WAITING) await pause(5);
      else for (const frame of hostileFrames(random, kind, orders)) send(socket, frame);
      if (spacing > 0 || at % 50 === 0) await pause(spacing);
    }
  }
  if (random.chance(0.5)) socket.close();
  else socket.terminate();
  await Promise.race([closed, pause(2_000)]);
  socket.terminate();
}

function send(socket: WebSocket, data: string | Buffer): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(data, () => undefined);
}

/** Watches each chat of its own, so that what it tells has to be shown. @returns ends that */
function accomplices({ url, clientToken, chats }: Orders, isOver: () => boolean): () => void {
  const sockets = new Set<WebSocket>();
  const watch = (chat: string) => {
    const headers = { "coder-session-token": clientToken };
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/chats/${chat}/git/watch?stale=ok`, { headers });
    sockets.add(socket);
    socket.on("error", () => undefined); // its agent is away
    socket.on("close", () => {
      sockets.delete(socket);
      if (!isOver()) setTimeout(() => watch(chat), COME_BACK_MS);
    });
  };
  for (const chat of chats) for (let count = 0; count < ACCOMPLICES_EACH; count += 1) watch(chat);
  return () => {
    for (const socket of sockets) socket.terminate();
  };
}

await runOrders(async (orders, isOver) => {
  const random = new Random(orders.seed);
  const endWatching = accomplices(orders, isOver);
  // it comes back at once, also when it is told to wait; who is rude comes twice at the same time
  const comeBack = async () => {
    while (!isOver()) {
      await connection(orders, random, isOver);
      await pause(random.pick([0, 5, 50, 500]));
    }
  };
  await Promise.all(orders.manner === "rude" ? [comeBack(), comeBack()] : [comeBack()]);
  endWatching();
});
