import * as z from "zod";
import { comparedShape } from "./comparison/comparison-schema.js";
import { MAX_REFRESH_ID_UNITS } from "./limits.js";

/** Whether the server has told everything that it knows of. `id`: the frame that answers names it. */
export const refreshSchema = z.object({
  type: z.literal("refresh"),
  id: z.string().max(MAX_REFRESH_ID_UNITS).exactOptional(),
});

/** The `id`s of the refreshes that a frame answers. Absent when it answers none that has one. */
export const answersSchema = z.array(z.string()).optional();

/** Client → server on a watch socket. Anything else is answered with {@link UNKNOWN_MESSAGE_TYPE}. */
export const clientMessageSchema = refreshSchema;
export type ClientMessage = z.infer<typeof clientMessageSchema>;

/** The answer to a client message that the server does not know: to the letter, as docs/protocol.md has it. */
export const UNKNOWN_MESSAGE_TYPE = "unknown message type";

/** One repository in a `changes` frame (docs/protocol.md, "Stream messages"). */
export const repositoryChangeSchema = z.object({
  repo_root: z.string(),
  branch: z.string(),
  remote_origin: z.string().optional(),
  unified_diff: z.string(),
  removed: z.literal(true).optional(),
  truncated: z.literal(true).optional(),
  omitted_files: z.array(z.object({ path: z.string(), bytes: z.int() })).optional(),
  /** Directories whose untracked files were left out, by number and bytes of their patches. */
  omitted_directories: z.array(z.object({ path: z.string(), files: z.int(), bytes: z.int() })).optional(),
  /** Files whose patch has no hunks, as a filter that git runs on them was not run. Absent when there are none. */
  filters_not_run: z.array(z.object({ path: z.string(), filter: z.string() })).optional(),
  /** Files whose content is withheld, and by which rule (docs/secrets.md). Absent when there are none. */
  withheld_files: z
    .array(z.object({ path: z.string(), why: z.enum(["path", "shape", "time"]), rule: z.string() }))
    .optional(),
  /** Files in which what looks like a secret is masked, in so many places. Absent when there are none. */
  masked_files: z.array(z.object({ path: z.string(), masked: z.int() })).optional(),
  /** Present when the tree is not covered by file events, or a file is still being read: what is missing, in words. */
  health: z.string().optional(),
  ...comparedShape,
});
export type RepositoryChange = z.infer<typeof repositoryChangeSchema>;

export const serverMessageSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("changes"),
    scanned_at: z.iso.datetime(),
    repositories: z.array(repositoryChangeSchema).optional(),
    /** For clients that asked with `?stale=ok`: the agent is away, and this is the last state before that. */
    stale: z.literal(true).optional(),
    answers: answersSchema,
  }),
  /** With `answers` it stands for an answer, and none follows. */
  z.object({ type: z.literal("error"), message: z.string(), answers: answersSchema }),
]);
/** Server → client on a watch socket. */
export type ServerMessage = z.infer<typeof serverMessageSchema>;
