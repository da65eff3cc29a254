import * as z from "zod";
import { boundedArray } from "./bounded-array.js";
import { questionSchema } from "./comparison/questions.js";
import { MAX_COMPARISON_UNITS, MAX_PART_ELEMENTS, MAX_TREES } from "./limits.js";
import { isRoot, isText, rootSchema, treeFilesSchema, treeMetaSchema } from "./tree-schema.js";

/**
 * The tunnel: one WebSocket that the agent opens to the relay at {@link TUNNEL_PATH}, sub-protocol
 * {@link TUNNEL_SUBPROTOCOL}, token in `Authorization: Bearer`. JSON text frames, ordered.
 *
 * ```
 * agent                                   relay
 *   hello ────────────────────────────────▶
 *   ◀──────────────────────────────── welcome   (which tree states it still holds)
 *   ◀────────────────────────────────── watch   (a chat got its first viewer)
 *   chat ─────────────────────────────────▶     (which trees belong to it)
 *   tree whole ───────────────────────────▶     (in parts of at most 64 KiB)
 *   ◀──────────────────────────────────── ack
 *   tree delta ───────────────────────────▶     (at most one unacknowledged per tree)
 *   ◀──────────────────────────────────── ack
 *   ◀──────────────────────────────── refresh
 *   … tree delta, if anything differs ────▶
 *   refreshed ────────────────────────────▶     (after every state that the barrier covers was acknowledged)
 * ```
 */
export const TUNNEL_PATH = "/treewire/tunnel";
export const TUNNEL_SUBPROTOCOL = "treewire.tunnel.v1";
export const TUNNEL_VERSION = 1;

const root = rootSchema;
/**
 * Any 128-bit id in the dashed form, as Go takes it: `z.uuid()` would turn away ids without an RFC 9562 variant. Lower
 * case and upper case name the same; behind the schema there is lower case alone.
 */
export const idSchema = z.guid().toLowerCase();
const chat = idSchema;
/** A tree's history: states of one `epoch` are numbered from 1 by `seq`; another epoch shares nothing with it. */
const epoch = z.string().min(8).max(64);
const seq = z.int().positive();

/**
 * With what a tree is compared, where that is not HEAD: a word of docs/comparisons.md, behind `base` perhaps a colon and the ref
 * that the chat names. Together with the root it names a tree: a root may be sent with several, and each has its own states.
 */
const compare = z.string().min(1).max(MAX_COMPARISON_UNITS).exactOptional();
/** The ref that a chat names as base, as text. */
const base = z.string().min(1).max(MAX_COMPARISON_UNITS).exactOptional();

/** The fields that name a state of a tree. */
export const treeNameShape = { root, compare, epoch, seq };

/** What an agent does with secrets in what it sends (docs/secrets.md): it hides them, or not. */
export const secretsModeSchema = z.enum(["withhold", "send"]);
export type SecretsMode = z.infer<typeof secretsModeSchema>;

const hello = z.object({
  type: z.literal("hello"),
  protocol: z.int(),
  agent: z.string().max(100),
  /** Absent: of an agent that knows of no secrets. */
  secrets: secretsModeSchema.exactOptional(),
  /** The agent knows `compare`. Absent: it shows HEAD's diff whatever is asked for. */
  compares: z.literal(true).exactOptional(),
});

/**
 * Replaces what was said of the chat before, its troubles too: those that remain follow. `roots` sorted; empty when there
 * is no repository.
 */
const chatTrees = z.object({
  type: z.literal("chat"),
  chat,
  roots: boundedArray(root, MAX_TREES, isRoot),
  /** What the agent takes for the base of the chat: its trees are sent with `base:REF` for `base` then. */
  base,
});

/**
 * A state of a tree, or one part of it: parts of one `(epoch, seq)` follow each other, all but the last with
 * `more: true`, and count together once the last has come. Parts of several trees may lie between them.
 */
const tree = z.object({
  type: z.literal("tree"),
  root,
  compare,
  epoch,
  seq,
  /** The `seq` that `upserts` and `removes` change, in the same epoch; `null`: this is the whole state. */
  base: seq.nullable(),
  /** The part's place in its update, from 0. Agents of before parts were numbered do not say. */
  part: z.int().nonnegative().exactOptional(),
  /** That of the last part counts. With a `base`, commits that are not there are those of the base. */
  meta: treeMetaSchema,
  /**
   * Goes behind the texts of the last file that came before this part, which was cut there: never within a surrogate pair,
   * and in its header only before any of its hunks came. Only relays whose welcome has `partial` take it.
   */
  rest: z.object({ header: z.string(), hunks: z.string() }).exactOptional(),
  upserts: treeFilesSchema(MAX_PART_ELEMENTS),
  removes: boundedArray(z.string(), MAX_PART_ELEMENTS, isText),
  more: z.boolean(),
});

/** The tree was read and is as it was; `scanned_at` (UTC, RFC 3339) is when. */
const scanned = z.object({ type: z.literal("scanned"), root, compare, scanned_at: z.iso.datetime() });

/** The root, its `.git`, or what a `.git` file points to is gone, with all comparisons: clients are told `removed`. */
const gone = z.object({ type: z.literal("gone"), root });

/** The barrier `id` has passed: every write that was finished before it is in the states sent so far. */
const refreshed = z.object({ type: z.literal("refreshed"), id: z.int(), scanned_at: z.iso.datetime() });

/** A passing failure, told to viewers once, in an `error` frame. The last good state stands. */
const trouble = z.object({
  type: z.literal("trouble"),
  /** The tree concerned, or `null` when it concerns a chat as a whole. */
  root: root.nullable(),
  chat: chat.nullable(),
  code: z.string().max(100),
  message: z.string().max(1000),
});

/** A part of the answer to a question: their `data` together are JSON of an `Answer` (src/protocol/questions.ts). */
const answer = z.object({ type: z.literal("answer"), id: z.int(), data: z.string(), more: z.boolean() });

/** The chat has touched paths in the workspace. Sent to relays whose welcome has `auto_bind`: one that is not there comes to be. */
const named = z.object({ type: z.literal("named"), chat });

export const agentMessageSchema = z.discriminatedUnion("type", [
  hello,
  chatTrees,
  tree,
  scanned,
  gone,
  refreshed,
  trouble,
  answer,
  named,
]);
/** Agent → relay. */
export type AgentMessage = z.infer<typeof agentMessageSchema>;
export type TreeMessage = z.infer<typeof tree>;

const welcome = z.object({
  type: z.literal("welcome"),
  protocol: z.int(),
  workspace: idSchema,
  /** The states that the relay holds from before; the agent may go on from them with a delta. */
  held: boundedArray(z.object(treeNameShape), MAX_TREES),
  /**
   * The updates of which the relay has the first `parts` parts, from a connection that was lost: the agent goes on behind
   * them, or begins another update. A relay that says nothing of them, not even that there are none, takes no `rest`.
   */
  partial: boundedArray(
    z.object({ root, compare, epoch, seq, base: seq.nullable(), parts: z.int().positive() }),
    MAX_TREES,
  ).exactOptional(),
  /** The token makes chats: the agent says which ones have touched paths. */
  auto_bind: z.literal(true).exactOptional(),
});

/**
 * The chat is watched from now on, with this comparison: each that is watched has a message of its own. `paths` are absolute;
 * none: every repository under the agent's roots. Those of the last message count.
 */
export const watchSchema = z.object({
  type: z.literal("watch"),
  chat,
  paths: boundedArray(z.string().max(4096), 1000),
  compare,
  base,
});

/** Nobody watches the chat with this comparison any more. */
const unwatch = z.object({ type: z.literal("unwatch"), chat, compare });

/** Read the chat's trees again and answer with `refreshed` and the same `id`. */
const refresh = z.object({ type: z.literal("refresh"), id: z.int(), chat, compare });

/** The state has been taken over. */
const ack = z.object({ type: z.literal("ack"), root, compare, epoch, seq });

/** The relay lacks the `base` of a delta: send the whole state. */
const resync = z.object({ type: z.literal("resync"), root, compare });

/** A question about a chat's trees, whether or not it is watched. Only agents with `compares` in their hello are asked. */
export const askSchema = z.object({
  type: z.literal("ask"),
  id: z.int(),
  chat,
  paths: boundedArray(z.string().max(4096), 1000),
  base,
  question: questionSchema,
});

export const relayMessageSchema = z.discriminatedUnion("type", [
  welcome,
  watchSchema,
  unwatch,
  refresh,
  ack,
  resync,
  askSchema,
]);
/** Relay → agent. */
export type RelayMessage = z.infer<typeof relayMessageSchema>;
/** What the relay has of an update that was not finished. */
export type PartialUpdate = NonNullable<z.infer<typeof welcome>["partial"]>[number];
