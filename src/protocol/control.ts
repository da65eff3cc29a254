// In the small dialect of zod: commands that start in hooks and prompts load these schemas, and nothing else of it.
import * as z from "zod/mini";
import { parseComparisonRequest } from "./comparison/comparison.js";

/**
 * The control socket: a Unix socket on which the running agent is told and asked by commands of the same user. One
 * JSON line goes in, one comes back, and the connection is closed.
 */
export const MAX_CONTROL_REQUEST_BYTES = 8 * 1024 * 1024;

/** The most paths that one `track` may name. */
export const MAX_TRACKED_PATHS_AT_ONCE = 20_000;

/** As the tunnel's ids, in the word that the programs use. */
const chat = z.guid("Invalid UUID").check(z.toLowerCase());
const path = z
  .string()
  .check(
    z.startsWith("/", 'Invalid string: must start with "/"'),
    z.maxLength(4096, "Too big: expected string to have <=4096 characters"),
  );
const paths = z
  .array(path)
  .check(
    z.maxLength(MAX_TRACKED_PATHS_AT_ONCE, `Too big: expected array to have <=${MAX_TRACKED_PATHS_AT_ONCE} items`),
  );

/** A chat, and with it its ancestors, has touched these paths. */
const track = z.object({
  type: z.literal("track"),
  chat,
  ancestors: z.array(chat).check(z.maxLength(100, "Too big: expected array to have <=100 items")),
  paths: paths.check(z.minLength(1, "Too small: expected array to have >=1 items")),
  /** The ref that is the base of the chat's trees from now on (docs/comparisons.md); "": none. Absent: as before. */
  base: z.optional(
    z
      .string()
      .check(z.refine((text) => text === "" || parseComparisonRequest(`ref:${text}`) !== undefined, "Not a ref")),
  ),
});

/** Forget these paths of a chat; none: all of them. */
const untrack = z.object({ type: z.literal("untrack"), chat, paths });

const status = z.object({ type: z.literal("status") });

export const controlRequestSchema = z.discriminatedUnion("type", [track, untrack, status]);
export type ControlRequest = z.infer<typeof controlRequestSchema>;

const time = z.iso.datetime();

/** How the agent is. Times are UTC, RFC 3339. */
export const agentStatusSchema = z.object({
  version: z.string(),
  pid: z.int(),
  started_at: time,
  connection: z.object({
    relay: z.string(),
    state: z.enum(["connecting", "connected", "waiting"]),
    since: time,
    /** Set while connected. */
    workspace: z.nullable(z.string()),
    /** Why the last connection failed, until one succeeds. */
    problem: z.nullable(z.string()),
    /** While waiting. */
    next_try_at: z.nullable(time),
  }),
  chats: z.array(
    z.object({
      chat: z.string(),
      watched: z.boolean(),
      /** How many paths the relay has bound it to, and how many were tracked. */
      bound_paths: z.int(),
      tracked_paths: z.int(),
      roots: z.array(z.string()),
    }),
  ),
  trees: z.array(
    z.object({
      root: z.string(),
      watched: z.boolean(),
      state: z.enum(["reading", "live", "gone"]),
      /** "" when file events cover the tree, else what is wrong. */
      health: z.string(),
      changed_files: z.int(),
      /** How many of them are shown without their content, as a filter was not run. */
      filters_not_run: z._default(z.int(), 0),
      /** How many of them are withheld as they look like secrets, and in how many something is masked. */
      withheld_files: z._default(z.int(), 0),
      masked_files: z._default(z.int(), 0),
      scanned_at: z.nullable(time),
      /** A failure that has not passed. */
      problem: z.nullable(z.string()),
    }),
  ),
  /**
   * The directories that may be shown, without links; what was tracked may be shown besides. What was refused stands
   * among the problems.
   */
  allowed: z._default(z.array(z.string()), []),
  /** Where events of files come from, when that is not the platform's default. */
  watcher: z._default(z.nullable(z.enum(["inotify", "parcel", "poll"])), null),
  /** File watches (inotify) of this process, and the most that the user may have; `null` where there is no such thing. */
  watches: z.nullable(z.object({ used: z.int(), limit: z.int() })),
  memory: z.object({ rss_bytes: z.int(), heap_bytes: z.int() }),
  /** What is wrong, in words; empty when all is well. */
  problems: z.array(z.string()),
});
export type AgentStatus = z.infer<typeof agentStatusSchema>;

export const controlReplySchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("done") }),
  z.object({ type: z.literal("status"), status: agentStatusSchema }),
  z.object({ type: z.literal("error"), code: z.string(), message: z.string() }),
]);
export type ControlReply = z.infer<typeof controlReplySchema>;
