import { z } from "zod";
import { comparedShape } from "./comparison/comparison-schema.js";
import { MAX_FILTER_NAME_UNITS, MAX_META_TEXT_UNITS, MAX_RULE_NAME_UNITS } from "./limits.js";
import type { TreeFile, TreeMeta } from "./tree.js";

const count = z.int().nonnegative();
const metaText = z.string().max(MAX_META_TEXT_UNITS);

/** Checks one {@link TreeFile}. */
export const treeFileSchema = z.object({
  key: z.string().min(3),
  path: z.string(),
  header: z.string(),
  hunks: z.string(),
  additions: count,
  deletions: count,
  omitted_bytes: count,
  omitted_files: z.int().positive().exactOptional(),
  filter_not_run: z.string().min(1).max(MAX_FILTER_NAME_UNITS).exactOptional(),
  withheld: z.enum(["path", "shape", "time"]).exactOptional(),
  withheld_rule: z.string().min(1).max(MAX_RULE_NAME_UNITS).exactOptional(),
  masked: z.int().positive().exactOptional(),
  committed: z.boolean().exactOptional(),
}) satisfies z.ZodType<TreeFile>;

/** Checks a {@link TreeMeta}. */
export const treeMetaSchema = z.object({
  head: z.string().max(64),
  branch: metaText,
  remote_origin: metaText,
  scanned_at: z.iso.datetime(),
  health: metaText,
  too_large_bytes: count,
  ...comparedShape,
}) satisfies z.ZodType<TreeMeta>;
