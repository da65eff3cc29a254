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
import { type FromServer, groupId, type ToServer } from "./server-messages.js";

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
    bindChat(dataDir, { chat: groupId(group), workspace: WORKSPACE, owner: "bench" });
  }
  const agentToken = createToken(dataDir, { kind: "agent", workspace: WORKSPACE });
  const clientToken = createToken(dataDir, { kind: "client", user: "bench", admin: true });
  tell({ kind: "listening", url: running.url.replace("http", "ws"), agentToken, clientToken });
  return async () => {
    await running.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
}

/** `/agent` sends a frame to everyone whose path names the group at its head. */
async function peer(): Promise<() => Promise<void>> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
  const members = new Map<string, Set<WebSocket>>();
  sockets.on("connection", (socket, { url = "" }) => {
    if (url !== "/agent") {
      const group = members.get(url) ?? new Set();
      members.set(url, group.add(socket));
      socket.on("close", () => group.delete(socket));
      return;
    }
    socket.on("message", (data) => {
      const bytes = data as Buffer;
      const path = `/chats/${bytes.toString("latin1", 0, 36)}/git/watch`;
      const frame = bytes.subarray(36);
      for (const member of members.get(path) ?? []) member.send(frame, { binary: false });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  tell({ kind: "listening", url, agentToken: "", clientToken: "" });
  return async () => {
    server.closeAllConnections();
    server.close();
  };
}

function tell(message: FromServer): void {
  process.send?.(message);
}

const [, , kind, groups] = process.argv;
if (kind !== undefined) {
  const stop = kind === "relay" ? await relay(Number(groups)) : await peer();
  process.on("message", (message: ToServer) => {
    if (message === "stop") {
      void stop().then(() => process.exit());
      return;
    }
    globalThis.gc?.();
    const { heapUsed, external, rss } = process.memoryUsage();
    tell({ kind: "memory", memory: { live: heapUsed + external, rss } });
  });
}
