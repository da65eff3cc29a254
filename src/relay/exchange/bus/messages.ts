import { z } from "zod";
import {
  type AgentMessage,
  agentMessageOf,
  askSchema,
  MAX_TREES,
  secretsModeSchema,
  treeNameShape,
  watchSchema,
} from "../../../protocol/index.js";

/** The most chats of one workspace that one relay watches. */
const MAX_WATCHES = 10_000;
/** The most chats that one question is about: more than one page of a list has. */
export const MAX_LISTED_CHATS = 200;
/** Whoever guesses tokens is refused for so long at most, in milliseconds. */
const MAX_REFUSED_MS = 60_000;
/** The longest text of an address. */
const MAX_ADDRESS_UNITS = 100;

const relay = z.string().min(1).max(100);
const count = z.int().nonnegative();
/** Numbers what one relay says to a home: a later one is greater. */
const id = z.int().positive();

/**
 * Which home: `g` is greater for each that takes a workspace over; of two that took the same number, the relay's name decides.
 */
export const generationSchema = z.object({ g: count, relay });
export type Generation = z.infer<typeof generationSchema>;

/** A chat that is watched with one comparison, as the tunnel's `watch` has it. */
const watched = watchSchema.omit({ type: true });
const chat = watched.shape.chat;
export type Watched = z.infer<typeof watched>;

const head = z.object({ ...treeNameShape });
/** A state of a tree that a follower holds. */
export type Head = z.infer<typeof head>;

/** To a workspace's home, at the subject that only homes listen to. */
export const toHomeSchema = z.discriminatedUnion("type", [
  /** A request: an agent has come to this relay; whoever had the workspace gives it up. Answered with {@link tookSchema}. */
  z.object({ type: z.literal("take"), ...generationSchema.shape }),
  /** The workspace has this home: another one gives it up, if its generation is lower. */
  z.object({ type: z.literal("home"), ...generationSchema.shape }),
  /**
   * A request: who has the workspace? Answered with {@link homeStateSchema}. With `relay`: is it known, with what it said last? With
   * `chats`: what do their trees add up to?
   */
  z.object({
    type: z.literal("who"),
    relay: relay.exactOptional(),
    id: id.exactOptional(),
    chats: z.array(chat).max(MAX_LISTED_CHATS).exactOptional(),
  }),
  /**
   * All that a relay watches; what it does not name is not watched any more. With `heads` it asks for everything that differs
   * from the states that it holds. `known` is the last home that it has heard of; `isLost`: that one is not there any more.
   */
  z.object({
    type: z.literal("follow"),
    relay,
    id,
    known: generationSchema.exactOptional(),
    isLost: z.boolean(),
    watches: z.array(watched).max(MAX_WATCHES),
    heads: z.array(head).max(MAX_TREES).exactOptional(),
  }),
  /** Read a chat's trees again. `follow`: the last `follow` before it. Answered by `refreshed` on the log. */
  z.object({
    type: z.literal("refresh"),
    relay,
    id,
    follow: id,
    chat,
    compare: watched.shape.compare,
  }),
  /** A question to the agent. Answered by `answer`. */
  z.object({ ...askSchema.shape, relay, id }),
  /** Nobody watches at that relay any more. */
  z.object({ type: z.literal("leave"), relay, id }),
]);
export type ToHome = z.infer<typeof toHomeSchema>;
export type ToHomeOf<T extends ToHome["type"]> = Extract<ToHome, { type: T }>;

/** `yielded`: it is given up; `held`: by one whose generation is greater. */
export const tookSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("yielded") }),
  z.object({ type: z.literal("held"), ...generationSchema.shape }),
]);

/** What one tree of a chat adds up to. */
const treeCount = z.object({
  root: treeNameShape.root,
  changedFiles: count,
  additions: count,
  deletions: count,
  scannedAt: z.number().nonnegative(),
});

export const homeStateSchema = z.object({
  ...generationSchema.shape,
  /** `connecting`: its agent has not been welcomed yet. */
  state: z.enum(["connecting", "connected"]),
  isKnown: z.boolean(),
  /** Of the chats that were asked about, as far as there is room in one message: those that are watched. */
  counts: z.array(z.object({ chat, trees: z.array(treeCount) })).exactOptional(),
});

/** To all relays. */
export const toRelaysSchema = z.object({
  type: z.literal("guessing"),
  /** Of somebody who has brought too many tokens that do not count. */
  address: z.string().min(1).max(MAX_ADDRESS_UNITS),
  /** The relay that says it refuses them for so long, in milliseconds. */
  forMs: z.number().positive().max(MAX_REFUSED_MS),
});
export type ToRelays = z.infer<typeof toRelaysSchema>;

/** What an agent has said of its chats and trees, as its home passes it on: updates whole. */
type Report = Extract<AgentMessage, { type: "chat" | "tree" | "gone" | "trouble" }>;
const REPORTS: readonly string[] = ["chat", "tree", "gone", "trouble"] satisfies Report["type"][];

const report = z.unknown().transform((value, context): Report => {
  const message = agentMessageOf(value);
  if (message !== undefined && isReport(message)) return message;
  context.addIssue("no report of an agent");
  return z.NEVER;
});

function isReport(message: AgentMessage): message is Report {
  return REPORTS.includes(message.type);
}

const scannedAt = z.iso.datetime();
const eventSchema = z.union([
  /** The agent has confirmed this very state of a tree. */
  z.object({ type: z.literal("confirmed"), ...treeNameShape, scanned_at: scannedAt }),
  /** The barrier that relay `to` has asked for under this id has passed: whatever it covers is on the log before this. */
  z.object({ type: z.literal("refreshed"), to: relay, id, scanned_at: scannedAt }),
  report,
]);
export type LogEvent = z.infer<typeof eventSchema>;

/** From a home to all who follow. `n` counts its events; without an event it is a beacon, and says how many there were. */
export const logEntrySchema = z.object({
  ...generationSchema.shape,
  n: count,
  event: eventSchema.optional(),
  /** The relay stops: the agent goes to another one in a moment. */
  isLeaving: z.literal(true).exactOptional(),
  /** The last entry: the agent has another home, or is lost. */
  over: z.enum(["moved", "disconnected", "timeout"]).exactOptional(),
});
export type LogEntry = z.infer<typeof logEntrySchema>;

const syncName = { ...generationSchema.shape, id };
/** From a home to one follower: the answer to a `follow` with heads, or to a question. */
export const toFollowerSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("begin"),
    ...syncName,
    /** As the agent's hello has it. */
    secrets: secretsModeSchema.exactOptional(),
    compares: z.boolean(),
  }),
  /** What is true at the moment that `end` names. `at` counts from 0. */
  z.object({ type: z.literal("item"), ...syncName, at: count, event: eventSchema }),
  z.object({ type: z.literal("end"), ...syncName, items: count, n: count }),
  /** JSON of the agent's answer, or why there is none. */
  z.object({
    type: z.literal("answer"),
    ...syncName,
    data: z.string(),
    why: z.enum(["too-many", "no-agent", "no-answer", "old-agent"]).exactOptional(),
  }),
]);
export type ToFollower = z.infer<typeof toFollowerSchema>;
export type ToFollowerOf<T extends ToFollower["type"]> = Extract<ToFollower, { type: T }>;

/** @returns below, above or exactly 0, as `sort` takes it */
export function compareGenerations(a: Generation, b: Generation): number {
  return a.g - b.g || (a.relay < b.relay ? -1 : a.relay > b.relay ? 1 : 0);
}
