/** One side of a file's patch, as git's diff sees it. */
export interface FileSide {
  /** The path's bytes, one per character (latin1), `/` between names, relative to the working tree's root. */
  path: string;
  /** Git's mode: 0o100644, 0o100755, 0o120000 (the content is the link's target) or 0o160000 (a submodule). */
  mode: number;
  /** Full hexadecimal object id, 40 or 64 digits. */
  oid: string;
  /**
   * The content after git's clean conversion; of a submodule, what {@link submoduleContent} says. Called only when hunks
   * or similarity are needed. What it throws passes through to the caller.
   */
  content: () => Uint8Array;
  /** `true` (the content is not read then), `false`: an attribute or the size decides; absent: the first 8,000 bytes do. */
  binary?: boolean;
}

/** Which lines count as the head of a function; see `driverPattern`. */
export interface FunctionPattern {
  /** The driver's name, as in `diff=<name>`. */
  readonly name: string;
  /**
   * The text behind `@@` for a line, or `undefined` when the line is no head.
   * @param line the line's bytes, without its line feed and a carriage return before it
   */
  match(line: Uint8Array): Uint8Array | undefined;
}

export interface DiffOptions {
  /** Unchanged lines around a change. Default 3, as git's. */
  contextLines?: number | undefined;
  /** Default: a line that starts with a letter, `_` or `$`. */
  functionPattern?: FunctionPattern | undefined;
}

export interface FilePatchOptions extends DiffOptions {
  /**
   * Prints the rename headers, with this number of hundredths behind `similarity index`. Only for two sides; as
   * {@link Rename} has it.
   */
  similarity?: number | undefined;
}

/** What one file contributes to a diff. */
export interface FilePatch {
  /** The whole patch, from `diff --git` to its last line feed. Empty when the sides are the same. */
  bytes: Uint8Array;
  /** How many of `bytes` stand before the first hunk: everything when there is none. */
  headerLength: number;
  /** Lines added and deleted; both 0 when binary. */
  additions: number;
  deletions: number;
  binary: boolean;
}

/** A deletion and an addition that are one file under two names. */
export interface Rename {
  from: FileSide;
  to: FileSide;
  /** In hundredths, 50 to 100, as printed behind `similarity index`. */
  similarity: number;
}

export interface RenameOptions {
  /**
   * `diff.renameLimit`: content is compared only while deletions times additions that are left after the cheap passes
   * are at most the square of this. Default 1,000, as git's since 2.34; 0 or less: no limit.
   */
  limit?: number | undefined;
  /**
   * Whether the bytes behind a file's last line feed count in its similarity. Git does so since 2.44; the default is
   * `false`, as before.
   */
  countUnfinishedLine?: boolean | undefined;
}
