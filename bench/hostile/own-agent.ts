import { WebSocket } from "ws";
import { TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../src/protocol/index.js";
import { openOrClosed } from "./orders.js";

const ROOT = "/work/1";
const EDIT_MS = 200;
const LINE = "+a line of a diff, of the usual length, to and fro\n";

/**
 * An agent as it should be, with a tree that is edited all the time: without one a client is let in nowhere.
 *
 * @returns ends it
 */
export async function ownAgent(url: string, token: string): Promise<() => void> {
  const headers = { authorization: `Bearer ${token}` };
  const socket = new WebSocket(url.replace(/^http/, "ws") + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, { headers });
  socket.on("error", () => undefined); // refused: its clients are let in nowhere then
  const say = (message: object) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  let seq = 1;
  const tell = () => say(tree(seq));
  socket.on("message", (data) => {
    const message: { type: string; chat?: string; id?: number } = JSON.parse(String(data));
    const scannedAt = new Date().toISOString();
    if (message.type === "refresh") say({ type: "refreshed", id: message.id, scanned_at: scannedAt });
    if (message.type === "watch") {
      say({ type: "chat", chat: message.chat, roots: [ROOT] });
      tell();
    }
  });
  await openOrClosed(socket);
  say({ type: "hello", protocol: TUNNEL_VERSION, agent: "bench" });
  const timer = setInterval(() => {
    seq += 1;
    tell();
  }, EDIT_MS);
  return () => {
    clearInterval(timer);
    socket.terminate();
  };
}

function tree(seq: number): object {
  const scannedAt = new Date().toISOString();
  const counts = { additions: 401, deletions: 0, omitted_bytes: 0 };
  const hunks = `@@ -0,0 +1,401 @@\n${LINE.repeat(400)}+edit ${seq}\n`;
  const file = { key: "t:x", path: "x", header: "diff --git a/x b/x\n", hunks, ...counts };
  const meta = { head: "", branch: "main", remote_origin: "", scanned_at: scannedAt, health: "", too_large_bytes: 0 };
  const whole = { type: "tree", root: ROOT, epoch: "own-epoch", seq, base: null, meta };
  return { ...whole, upserts: [file], removes: [], more: false };
}
