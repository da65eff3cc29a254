import type { Stats } from "node:fs";
import type { Oid } from "../objects/object-id.js";

/** The content that git would compare for a file on disk: after its clean conversion. */
export interface CleanFile {
  /** As git records it: 0o100644, 0o100755 or 0o120000. */
  mode: number;
  /** The id of the blob that {@link content} would make; the null id with {@link filterNotRun}. */
  oid: Oid;
  /**
   * The content, which is read and converted again when it was not kept.
   * @throws a system error, or `WorkFileChangedError` when the file is not the one of {@link oid} any more
   */
  content: () => Uint8Array;
  /** Bytes on disk, before conversion. */
  size: number;
  /** Of the very file that was read, from before it was read; absent for a link. */
  stats?: Stats;
  /** Bytes of {@link content}, after conversion. */
  contentSize: number;
  /** Whether a filter, an encoding, line ends or idents are converted, even if they leave these bytes as they are. */
  converts: boolean;
  /** Whether there is a NUL where git looks for one; absent when that was not looked for. */
  holdsNul?: boolean;
  /** Whether it is a regular file over `core.bigFileThreshold`, which git takes for binary unless it has read it. */
  large: boolean;
  /** Of a large file that was hashed as it is by a caller that does not wait: it need not be read again to be counted. */
  readonly lineCount?: LineCount;
  /**
   * The filter that git would run and that was not, by policy. Then nobody knows the content: `oid` is the null id,
   * which no object has, {@link content} throws, and the sizes say nothing.
   */
  filterNotRun?: string;
}

/** What a look at a file shows of how it is to be read. It may be out of date: {@link CleanFile.stats} says what was read. */
export type FileLook = Pick<Stats, "mode" | "size">;

/** How many lines a content has, an unfinished one at its end among them. */
export interface LineCount {
  readonly lines: number;
  readonly isUnfinished: boolean;
}

/**
 * Why reading a file may take long: a filter program is run for it, or a large file is read piece by piece, to be converted or
 * as it is.
 */
export type SlowReading = "filter" | "convert" | "hash";
