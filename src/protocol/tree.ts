import type { ComparedFields } from "./comparison/comparison.js";

/**
 * One file of a tree's diff, as it crosses the tunnel. Texts are UTF-8; bytes that are not became U+FFFD
 * (docs/protocol.md, "unified_diff"). A type and no interface, so that its fields can be walked as texts and numbers.
 */
export type TreeFile = {
  /**
   * `t:` (tracked) or `u:` (untracked), then the path's bytes, one per character; before the colon perhaps digits, its
   * place by `diff.orderFile`. Ascending order of the keys by UTF-16 code unit is the order of the files in the diff: git
   * prints tracked files first.
   */
  key: string;
  /** For people: the path as text. */
  path: string;
  /** From `diff --git` up to the first hunk, with the final line feed. */
  header: string;
  /** From the first `@@` to the end; empty when there are no hunks or they were left out. */
  hunks: string;
  /** Lines. */
  additions: number;
  /** Lines. */
  deletions: number;
  /** Bytes of UTF-8 that the hunks left out for size had; 0 when none were. */
  omitted_bytes: number;
  /**
   * There only where this stands for a directory whose untracked files were left out, whole patches: how many. Its key and
   * path end in `/`, its header is all there is of it, and `omitted_bytes` is what the patches had.
   */
  omitted_files?: number;
  /**
   * The filter that git runs on the file and the agent did not: how its content differs is not known, and a line that
   * says so stands behind the hunks, of which there are none as a rule. Absent for all other files.
   */
  filter_not_run?: string;
  /**
   * Its content is withheld, as it looks like a secret (docs/secrets.md): by its path, by what it holds, or since it could
   * not be looked through in time. The header has no object ids then, and there are neither hunks nor counts of lines.
   */
  withheld?: Withheld;
  /** There with `withheld`: the pattern of paths, or the name of the rule, that did it. */
  withheld_rule?: string;
  /** How many places of its names and hunks are masked, over 0; absent when none are. Object ids are made up then. */
  masked?: number;
  /** In a comparison with something else than HEAD: nothing of it is uncommitted. Absent in HEAD's, and of untracked files. */
  committed?: boolean;
};

/** Why a file's content is withheld. */
export type Withheld = "path" | "shape" | "time";

/** What is true of a tree besides its files. */
export interface TreeMeta extends ComparedFields {
  /** HEAD's commit, full hexadecimal; "" when unborn. */
  head: string;
  /** Short name of HEAD's branch; "" when detached. */
  branch: string;
  /** `remote.origin.url`; "" when there is none. */
  remote_origin: string;
  /** When the state was last known to be true: UTC, RFC 3339. */
  scanned_at: string;
  /** "" when file events cover the whole tree and every file was read, else what is missing, in words for people. */
  health: string;
  /** Bytes of the whole diff when not even the headers fit the limit; then there are no files. 0 otherwise. */
  too_large_bytes: number;
}
