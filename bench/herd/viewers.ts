// The process of all viewers of the herd benchmark: each looks at the chat of one workspace.
import { WebSocket } from "ws";
import { clockMs, groupId } from "../relay/messages.js";
import { serve } from "../relay/part.js";
import type { FromHerd, HerdOptions, ToHerd } from "./messages.js";

/** Who is turned away, or finds nobody, is back after so many milliseconds. */
const RETRY_MS = 100;
const MARK = /edit (\d{9})/;

const options: HerdOptions = JSON.parse(process.argv[2] ?? "");
const sockets = new Map<number, WebSocket>();

/** Resolves when a viewer has the edit, from an agent that is there. */
function come(number: number, edit: number): Promise<void> {
  return new Promise((resolve) => {
    const connect = (): void => {
      const socket = new WebSocket(`${options.url}/chats/${groupId(number)}/git/watch?stale=ok`, {
        headers: { "coder-session-token": options.tokens[0] ?? "" },
        perMessageDeflate: false,
      });
      sockets.set(number, socket);
      let seen = -1;
      let isComing = true;
      socket.on("message", (data) => {
        const text = String(data);
        const mark = MARK.exec(text.slice(-80));
        if (mark !== null) seen = Number(mark[1]);
        if (seen === edit && !text.slice(0, 200).includes('"stale":true')) {
          isComing = false;
          resolve();
        }
      });
      socket.on("error", () => undefined); // its end follows
      socket.on("close", () => {
        if (isComing) setTimeout(connect, RETRY_MS);
      });
    };
    connect();
  });
}

serve<ToHerd, FromHerd>(async (order) => {
  if (order.kind === "cut") for (const socket of sockets.values()) socket.terminate();
  else await Promise.all(Array.from({ length: options.count }, (_, number) => come(number, order.edit)));
  return { doneAt: clockMs() };
});
