// What the processes of the relay's benchmarks say to each other. It starts nothing, so that all can import it.

/** Which server is measured: the relay, or a bare `ws` server that sends on what it is given. */
export type ServerName = "relay" | "peer";

/** What a server process holds, in bytes, after a collection. */
export interface Memory {
  live: number;
  rss: number;
}

/** What the server process is asked. */
export type ToServer = { kind: "memory" } | { kind: "cpu" };

/** `ms`: what the process has used of the processors so far, all of its threads together, in milliseconds. */
export type FromServer =
  | { kind: "listening"; url: string; agentToken: string; clientToken: string }
  | { kind: "memory"; memory: Memory }
  | { kind: "cpu"; ms: number };

/** Sends an update of each of the groups. */
export interface ToAgent {
  update: number;
  groups: number;
}

/** When it began with that, by {@link clockMs}. */
export interface FromAgent {
  startedAt: number;
}

/**
 * - `connect`: so many more clients, dealt over the groups; answered when all have their first state.
 * - `await`: answered when the first so many clients have the update.
 * - `pause`: those from this one on read no more.
 */
export type ToClients =
  | { kind: "connect"; count: number; groups: number }
  | { kind: "await"; update: number; clients: number }
  | { kind: "pause"; from: number };

/** For `await`, when each client had the update, by {@link clockMs}. */
export interface FromClients {
  times: Float64Array;
}

/** A group is a chat with a tree of its own; both servers know them by these ids. */
export function groupId(group: number): string {
  return `00000000-0000-4000-8000-${String(group).padStart(12, "0")}`;
}

/** Milliseconds by a clock that all processes of a machine share. */
export function clockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
