import * as z from "zod";
import { boundedArray } from "../bounded-array.js";
import { MAX_COMMIT_TEXT_UNITS, MAX_LISTED_COMMITS, MAX_META_TEXT_UNITS } from "../limits.js";
import type { CommitEntry, ComparedFields, ComparisonMeta } from "./comparison.js";

const count = z.int().nonnegative();
const oid = z.string().max(64);
const text = z.string().max(MAX_META_TEXT_UNITS);
const commitText = z.string().max(MAX_COMMIT_TEXT_UNITS);

/** Checks a {@link ComparisonMeta}. */
export const comparisonMetaSchema = z.object({
  kind: z.enum(["head", "base", "ref", "commit"]),
  base_ref: text,
  base_oid: oid,
  ahead: count,
  behind: count,
  reason: text.exactOptional(),
}) satisfies z.ZodType<ComparisonMeta>;

/** Checks a {@link CommitEntry}. */
export const commitEntrySchema = z.object({
  oid,
  parents: boundedArray(oid, MAX_LISTED_COMMITS),
  subject: commitText,
  body: commitText,
  author: z.object({ name: commitText, email: commitText, at: z.iso.datetime() }),
  files: count.exactOptional(),
  additions: count.exactOptional(),
  deletions: count.exactOptional(),
}) satisfies z.ZodType<CommitEntry>;

/** The fields of {@link ComparedFields}, for the objects that have them. */
export const comparedShape = {
  compare: comparisonMetaSchema.exactOptional(),
  commits: boundedArray(commitEntrySchema, MAX_LISTED_COMMITS).exactOptional(),
  commits_truncated: z.boolean().exactOptional(),
} satisfies { [Name in keyof ComparedFields]: z.ZodType };
