import * as z from "zod";
import { answersSchema, refreshSchema } from "./client.js";
import type { DeltaServerMessage, DeltaTree, FileEdit } from "./delta.js";
import { treeFileSchema, treeMetaSchema } from "./tree-schema.js";

const root = z.string().startsWith("/");
const seq = z.int().positive();
const count = z.int().nonnegative();

const edit = z.object({
  key: z.string(),
  header: z.string(),
  additions: count,
  deletions: count,
  start: count,
  remove: count,
  insert: z.string(),
}) satisfies z.ZodType<FileEdit>;

const tree = z.object({
  type: z.literal("tree"),
  root,
  epoch: z.string(),
  seq,
  base: seq.nullable(),
  meta: treeMetaSchema,
  upserts: z.array(treeFileSchema),
  edits: z.array(edit),
  removes: z.array(z.string()),
}) satisfies z.ZodType<DeltaTree>;

/** Checks what a server says on a delta socket. Clients use `readDeltaMessage`, which takes the same without zod. */
export const deltaServerMessageSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("trees"), roots: z.array(root) }),
  tree,
  z.object({
    type: z.literal("checked"),
    scanned_at: z.iso.datetime(),
    stale: z.literal(true).optional(),
    /** Within how many milliseconds the server speaks again. */
    next_ms: z.int().min(1).optional(),
    answers: answersSchema,
  }),
  z.object({ type: z.literal("error"), message: z.string(), answers: answersSchema }),
]) satisfies z.ZodType<DeltaServerMessage>;

/** Client → server on a delta socket. */
export const deltaClientMessageSchema = z.discriminatedUnion("type", [
  refreshSchema,
  /** The client lacks the `base` of what it was told: tell the whole state. */
  z.object({ type: z.literal("resync"), root: z.string() }),
  /** The client compares the trees with something else from now on: a word of docs/comparisons.md. */
  z.object({ type: z.literal("compare"), compare: z.string() }),
]);
export type DeltaClientMessage = z.infer<typeof deltaClientMessageSchema>;
