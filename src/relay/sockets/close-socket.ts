import type { WebSocket } from "ws";
import { CLOSE } from "../../protocol/index.js";

/** How long a peer has to answer a close frame before its socket is destroyed, in milliseconds. */
const CLOSE_GRACE_MS = 2_000;

/** Closes with one of the protocol's codes, and destroys the socket when the peer does not answer. */
export function closeSocket(
  socket: WebSocket,
  reason: keyof typeof CLOSE,
  { text = "", graceMs = CLOSE_GRACE_MS }: { text?: string; graceMs?: number } = {},
): void {
  socket.close(CLOSE[reason].code, text);
  const timer = setTimeout(() => socket.terminate(), graceMs);
  socket.once("close", () => clearTimeout(timer));
}
