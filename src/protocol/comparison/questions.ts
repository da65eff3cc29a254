import * as z from "zod";
import { boundedArray } from "../bounded-array.js";
import { MAX_COMPARISON_UNITS, MAX_LISTED_COMMITS } from "../limits.js";
import { commitEntrySchema, comparisonMetaSchema } from "./comparison-schema.js";

/** The most lines of a file that one answer has. */
export const MAX_ANSWERED_LINES = 2000;

/** The longest answer, in UTF-16 units of JSON: a diff of the greatest size, of which each unit may be six. */
export const MAX_ANSWER_UNITS = 20 * 1024 * 1024;

const root = z.string().startsWith("/").max(4096);
const compare = z.string().min(1).max(MAX_COMPARISON_UNITS);
const line = z.int().positive();

/**
 * What a relay asks of a chat's trees, without a viewer. `compare` is a word of docs/comparisons.md; without `root` the chat's
 * first tree is meant.
 */
export const questionSchema = z.discriminatedUnion("kind", [
  /** The commits of a comparison, at most `limit`, behind the commit `before`. */
  z.object({
    kind: z.literal("commits"),
    root: root.exactOptional(),
    compare,
    limit: z.int().min(1).max(MAX_LISTED_COMMITS),
    before: z.string().max(64).exactOptional(),
  }),
  /** One side of a file of a comparison's diff, by its key: the lines `from` to `to`, or all of what is no text. */
  z.object({
    kind: z.literal("file"),
    root: root.exactOptional(),
    compare,
    key: z
      .string()
      .min(3)
      .max(3 * 4096),
    side: z.enum(["old", "new"]),
    /** The blob that the asker has seen there: another one is `changed`. */
    oid: z.string().max(64).exactOptional(),
    from: line,
    to: line,
  }),
  /** The diff against the base. */
  z.object({ kind: z.literal("diff") }),
]);
export type Question = z.infer<typeof questionSchema>;

/**
 * Why there is no answer: `not-found`: no such tree, or no such file in the diff; `changed`: the file is another one than
 * the diff shows; `withheld`: it is hidden; `too-large`; `unsupported`: neither text nor an image; `failed`: anything else.
 */
const failure = z.object({
  kind: z.literal("failure"),
  why: z.enum(["not-found", "changed", "withheld", "too-large", "unsupported", "failed"]),
  message: z.string().max(1000),
});

export const answerSchema = z.discriminatedUnion("kind", [
  failure,
  z.object({
    kind: z.literal("commits"),
    commits: boundedArray(commitEntrySchema, MAX_LISTED_COMMITS),
    has_more: z.boolean(),
    base: comparisonMetaSchema,
  }),
  /** Lines with their ends, as far as the file has them. */
  z.object({ kind: z.literal("text"), oid: z.string().max(64), text: z.string(), lines: z.int().nonnegative() }),
  z.object({ kind: z.literal("bytes"), oid: z.string().max(64), base64: z.string() }),
  z.object({ kind: z.literal("diff"), root, branch: z.string(), remote_origin: z.string(), diff: z.string() }),
]);
export type Answer = z.infer<typeof answerSchema>;
export type AnswerFailure = z.infer<typeof failure>;
