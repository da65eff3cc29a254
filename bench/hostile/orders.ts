import type { WebSocket } from "ws";

/** What a hostile process is told to do. */
export interface Orders {
  /** The relay's, `http://…`. */
  url: string;
  token: string;
  /** Of an agent of its workspace. */
  agentToken: string;
  /** Of its chats' owner. */
  clientToken: string;
  /** Its own, by their ids. */
  chats: readonly string[];
  /**
   * `rude`: whatever an agent's protocol lets it do, which has it sent away again and again. `polite`: only what honest agents
   * do as well, and as much and as fast as it is let.
   */
  manner: "rude" | "polite";
  seed: number;
}

/** What it is told by its parent. */
export type ToHostile = { kind: "begin"; orders: Orders } | { kind: "end" };

/** What it answers: it does nothing any more. */
export type FromHostile = "idle";

/** Does what the parent process orders, from `begin` until `end`, as often as it is told to. */
export async function runOrders(work: (orders: Orders, isOver: () => boolean) => Promise<void>): Promise<void> {
  let isOver = true;
  process.on("message", (message: ToHostile) => {
    if (message.kind === "end") {
      isOver = true;
      return;
    }
    isOver = false;
    const idle: FromHostile = "idle";
    void work(message.orders, () => isOver).then(() => process.send?.(idle));
  });
  process.once("disconnect", () => process.exit());
}

/** Resolves when a socket is open, or will never be. */
export function openOrClosed(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("open", resolve);
    socket.once("close", () => resolve());
  });
}

/** @param ms milliseconds */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}
