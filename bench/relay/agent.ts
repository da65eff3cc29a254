// The agent process of the relay benchmark: says what an agent says of all trees to the relay, and the same diffs to the peer.
import { once } from "node:events";
import { WebSocket } from "ws";
import { type TreeFile, TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../src/protocol/index.js";
import { clockMs, type FromAgent, groupId, type ServerName, type ToAgent } from "./messages.js";
import { serve, tell } from "./part.js";

const LINE = "+a line of a diff, of the usual length, to and fro\n";

const [, , name, url = "", token = "", frameBytes] = process.argv;
const server = name as ServerName;
const filler = LINE.repeat(Math.ceil(Number(frameBytes) / LINE.length));
let seq = 0;

const socket =
  server === "peer"
    ? new WebSocket(`${url}/agent`, { perMessageDeflate: false })
    : new WebSocket(url + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, {
        headers: { authorization: `Bearer ${token}` },
        perMessageDeflate: false,
      });
await once(socket, "open");
if (server === "relay") await beAgent();
serve<ToAgent, FromAgent>(({ update, groups }) => {
  const startedAt = clockMs();
  for (let group = 0; group < groups; group += 1) tellTree(groupId(group), update);
  return { startedAt };
});
tell<FromAgent>({ startedAt: clockMs() });

/** Says hello, and answers what the relay asks: every chat has a tree, and every barrier passes at once. */
async function beAgent(): Promise<void> {
  const say = (message: object) => socket.send(JSON.stringify(message));
  const welcome = new Promise<void>((resolve) => {
    socket.on("message", (data) => {
      const message = JSON.parse(String(data));
      if (message.type === "welcome") resolve();
      if (message.type === "watch") {
        say({ type: "chat", chat: message.chat, roots: [`/${message.chat}`] });
        tellTree(message.chat, 0);
      }
      if (message.type === "refresh") say({ type: "refreshed", id: message.id, scanned_at: new Date().toISOString() });
    });
  });
  say({ type: "hello", protocol: TUNNEL_VERSION, agent: "bench" });
  await welcome;
}

/** To the relay as its agent would; to the peer as the bytes that the relay makes of it. */
function tellTree(group: string, update: number): void {
  const scannedAt = new Date().toISOString();
  const hunks = `@@ -0,0 +1 @@\n${filler}+update ${String(update).padStart(9, "0")}\n`;
  const header = "diff --git a/x b/x\n";
  if (server === "peer") {
    const repository = { repo_root: `/${group}`, branch: "main", unified_diff: header + hunks };
    const frame = JSON.stringify({ type: "changes", scanned_at: scannedAt, repositories: [repository] });
    socket.send(Buffer.from(group + frame));
    return;
  }
  seq += 1;
  const file: TreeFile = { key: "t:x", path: "x", header, hunks, additions: 1, deletions: 0, omitted_bytes: 0 };
  const meta = { head: "", branch: "main", remote_origin: "", scanned_at: scannedAt, health: "", too_large_bytes: 0 };
  const tree = { type: "tree", root: `/${group}`, epoch: "bench-epoch", seq, base: null };
  socket.send(JSON.stringify({ ...tree, meta, upserts: [file], removes: [], more: false }));
}
