// What the processes of the cluster benchmark say to each other. It starts nothing, so that all can import it.

/** A relay's process: what it has used of the processors, or its loop stands still for so long. Milliseconds. */
export type ToRelay = { kind: "cpu" } | { kind: "block"; ms: number };

/** `at`: when the loop went on, by `clockMs`. */
export type FromRelay =
  | { kind: "listening"; url: string }
  | { kind: "cpu"; ms: number }
  | { kind: "went on"; at: number };

/** Each agent has a workspace and a tree, by its number. */
export interface AgentsOptions {
  url: string;
  /** One for each agent. */
  tokens: string[];
  /** Of a tree's diff, about. */
  bytes: number;
}

/** `edit`: so many edits, one agent after the other, evenly at such a rate; answered when the last was sent. */
export type ToAgents = { kind: "come" } | { kind: "edit"; count: number; perSecond: number };

/** How many edits there were in all. */
export interface FromAgents {
  edits: number;
}

/** One viewer of each workspace. */
export interface ViewersOptions {
  url: string;
  token: string;
  count: number;
}

/** `take`: answered when every viewer was shown the last of so many edits; `agents`: of how many. */
export type ToViewers = { kind: "come" } | { kind: "take"; edits: number };

export interface FromViewers {
  /** From an edit's being sent to its being shown, of those that were since the last answer. Milliseconds. */
  latencies: Float64Array;
  /** When the last viewer was shown the last edit, by `clockMs`. */
  at: number;
}

/** What an edit of an agent ends with. @param edit the agent's own count @param atMs when it is sent, by `clockMs` */
export function markOf(edit: number, atMs: number): string {
  return `edit ${String(edit).padStart(9, "0")} at ${atMs.toFixed(3).padStart(18, "0")}`;
}

const MARK = /edit (\d{9}) at (\d{14}\.\d{3})/;
/** A mark stands so near to the end of a frame, in bytes. */
const MARK_BYTES = 160;

/** @returns `undefined` for a frame without one */
export function markIn(frame: Buffer): { edit: number; atMs: number } | undefined {
  const mark = MARK.exec(frame.toString("latin1", Math.max(0, frame.length - MARK_BYTES)));
  return mark === null ? undefined : { edit: Number(mark[1]), atMs: Number(mark[2]) };
}

/** How many edits one of so many agents has made, when all of them together have made so many, one after the other. */
export function editsOf(agent: number, agents: number, edits: number): number {
  return Math.floor((edits - 1 - agent) / agents) + 1;
}
