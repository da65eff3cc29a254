// What the relay benchmark and its server process share. It starts nothing, so that both can import it.

/** What the server process says of its memory, in bytes, after a collection. */
export interface Memory {
  live: number;
  rss: number;
}

/** What the benchmark tells the server process. */
export type ToServer = "memory" | "stop";

/** What the server process answers. */
export type FromServer =
  | { kind: "listening"; url: string; agentToken: string; clientToken: string }
  | { kind: "memory"; memory: Memory };

/** A group is a chat with a tree of its own; both servers know them by these ids. */
export function groupId(group: number): string {
  return `00000000-0000-4000-8000-${String(group).padStart(12, "0")}`;
}
