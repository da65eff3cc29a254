import { z } from "zod";
import { MAX_META_TEXT_UNITS } from "./limits.js";

const metaText = z.string().max(MAX_META_TEXT_UNITS);

/**
 * One file of a tree's diff, as it crosses the tunnel. Texts are UTF-8; bytes that are not became U+FFFD
 * (docs/protocol.md, "unified_diff").
 */
export const treeFileSchema = z.object({
  /**
   * `t:` (tracked) or `u:` (untracked), then the path's bytes, one per character; before the colon perhaps digits, its
   * place by `diff.orderFile`. Ascending order of the keys by UTF-16 code unit is the order of the files in the diff: git
   * prints tracked files first.
   */
  key: z.string().min(3),
  /** For people: the path as text. */
  path: z.string(),
  /** From `diff --git` up to the first hunk, with the final line feed. */
  header: z.string(),
  /** From the first `@@` to the end; empty when there are no hunks or they were left out. */
  hunks: z.string(),
  /** Lines. */
  additions: z.int().nonnegative(),
  /** Lines. */
  deletions: z.int().nonnegative(),
  /** Bytes of UTF-8 that the hunks left out for size had; 0 when none were. */
  omitted_bytes: z.int().nonnegative(),
});
export type TreeFile = z.infer<typeof treeFileSchema>;

/** What is true of a tree besides its files. */
export const treeMetaSchema = z.object({
  /** HEAD's commit, full hexadecimal; "" when unborn. */
  head: z.string().max(64),
  /** Short name of HEAD's branch; "" when detached. */
  branch: metaText,
  /** `remote.origin.url`; "" when there is none. */
  remote_origin: metaText,
  /** When the state was last known to be true: UTC, RFC 3339. */
  scanned_at: z.iso.datetime(),
  /** "" when file events cover the whole tree, else what is wrong, in words for people. */
  health: metaText,
  /**
   * Bytes of the whole diff when not even the headers fit the limit; then there are no files. 0 otherwise.
   */
  too_large_bytes: z.int().nonnegative(),
});
export type TreeMeta = z.infer<typeof treeMetaSchema>;
