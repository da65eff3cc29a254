// The server process of the relay benchmark: the relay, or a bare `ws` server that sends on what it is given.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import { bindChat, createToken, startRelay } from "../../src/relay/index.js";
import { silentLogger } from "../../src/util/index.js";
import { type FromServer, groupId, type ToServer } from "./messages.js";
import { serve, tell } from "./part.js";

const WORKSPACE = groupId(999_999_999);
const UNLIMITED = 1_000_000_000;

async function relay(groups: number): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), "treewire-bench-"));
  // one token plays all clients, and another one the agents of all trees: their rates would be measured, and not the relay
  const limits = {
    requestsPerAddress: UNLIMITED,
    requestsPerToken: UNLIMITED,
    socketsPerToken: UNLIMITED,
    agentMessagesPerSecond: UNLIMITED,
    agentBytesPerSecond: UNLIMITED,
    agentStallMsPerSecond: UNLIMITED,
    clientMessagesPerSecond: UNLIMITED,
    clientBytesPerSecond: UNLIMITED,
  };
  const running = await startRelay({ dataDir, port: 0, log: silentLogger(), limits });
  for (let group = 0; group < groups; group += 1) {
    await bindChat(dataDir, { chat: groupId(group), workspace: WORKSPACE, owner: "bench" });
  }
  const agentToken = await createToken(dataDir, { kind: "agent", workspace: WORKSPACE });
  const clientToken = await createToken(dataDir, { kind: "client", user: "bench", admin: true });
  tell<FromServer>({ kind: "listening", url: running.url.replace("http", "ws"), agentToken, clientToken });
  return async () => {
    await running.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
}

/**
 * `/agent` sends a frame to everyone whose path names the group at its head, and is told so in as many bytes as the relay's
 * agent is; what it is told in one turn goes out in one write, as the relay does it.
 */
async function peer(): Promise<() => Promise<void>> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
  const members = new Map<string, Set<WebSocket>>();
  sockets.on("connection", (socket, request) => {
    const { url = "", socket: stream } = request;
    if (url !== "/agent") {
      const group = members.get(url) ?? new Set();
      members.set(url, group.add(socket));
      socket.on("close", () => group.delete(socket));
      return;
    }
    socket.on("message", (data) => {
      const bytes = data as Buffer;
      const group = bytes.toString("latin1", 0, 36);
      const frame = bytes.subarray(36);
      for (const member of members.get(`/chats/${group}/git/watch`) ?? []) member.send(frame, { binary: false });
      if (stream.writableCorked === 0) {
        stream.cork();
        process.nextTick(() => stream.uncork());
      }
      socket.send(`{"type":"ack","root":"/${group}","epoch":"bench-epoch","seq":1000}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  tell<FromServer>({ kind: "listening", url, agentToken: "", clientToken: "" });
  return async () => {
    server.closeAllConnections();
    server.close();
  };
}

const [, , kind, groups] = process.argv;
const stop = kind === "relay" ? await relay(Number(groups)) : await peer();
process.on("SIGTERM", () => void stop().then(() => process.exit()));
serve<ToServer, FromServer>((asked) => {
  if (asked.kind === "cpu") {
    const { user, system } = process.cpuUsage();
    return { kind: "cpu", ms: (user + system) / 1000 };
  }
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { kind: "memory", memory: { live: heapUsed + external, rss } };
});
