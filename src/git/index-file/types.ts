import type { Stats } from "node:fs";
import type { BytePath } from "../io/byte-path.js";
import type { ObjectFormat, Oid } from "../objects/object-id.js";

/** What of a file's stat data the index has too. Sizes in bytes, times in milliseconds since 1970 with a fraction. */
export type FileStats = Pick<Stats, "mode" | "size" | "ino" | "uid" | "gid" | "mtimeMs" | "ctimeMs">;

/** Which of a file's stat data count: `core.trustctime`, `core.checkStat`, `core.fileMode`, `core.symlinks`. */
export interface StatRules {
  trustsCtime: boolean;
  /** `core.checkStat=minimal` turns this off: then only the size and whole seconds of the modification time count. */
  checksAll: boolean;
  trustsFileMode: boolean;
  trustsSymlinks: boolean;
}

/** When the index was written: entries of that time or later may have changed without a trace ("racily clean"). */
export interface IndexTime {
  /** Milliseconds since 1970, with the fraction that `Stats` has. */
  ms: number;
}

/** How the entries are read, and when their stat data prove a file unchanged. Plain data. */
export interface TableOptions {
  readonly format: ObjectFormat;
  readonly time: IndexTime;
  readonly rules: StatRules;
}

/** A table's data in memory that threads share. Nobody writes to it. */
export interface SharedTable extends TableOptions {
  /** The index file. */
  readonly bytes: SharedArrayBuffer;
  /** Where each entry starts in {@link bytes}: 32 bit each, as all columns. */
  readonly starts: SharedArrayBuffer;
  readonly flags: SharedArrayBuffer;
  /** The same as {@link bytes} where the paths stand in the file itself. */
  readonly pathBytes: SharedArrayBuffer;
  readonly pathStarts: SharedArrayBuffer;
  readonly pathEnds: SharedArrayBuffer;
}

/** The entries of an index, addressed by position; paths ascend by bytes, unmerged stages are adjacent. */
export interface EntryTable {
  readonly count: number;
  path(position: number): BytePath;
  /** The positions whose entry is in another directory than the entry before it, the first one among them. */
  directoryRuns(): Uint32Array;
  mode(position: number): number;
  oid(position: number): Oid;
  /** The lower 32 bits of the inode that the entry's file had when git last looked at it; 0 where git kept none. */
  inode(position: number): number;
  /** 0, or 1 to 3 when unmerged. */
  stage(position: number): number;
  assumeUnchanged(position: number): boolean;
  skipWorktree(position: number): boolean;
  intentToAdd(position: number): boolean;
  /**
   * Whether the entry's cached stat data prove that the file is unchanged, as git decides it: size, times, inode and
   * mode as recorded, and not "racily clean" (written in the same tick as the index).
   */
  provesUnchanged(position: number, stats: FileStats): boolean;
  /** The data for another thread, which makes a table of it with `IndexTable.of`. */
  share(): SharedTable;
}

/** The parsed index. */
export interface IndexFile extends EntryTable {
  /** 2 to 4. */
  readonly version: number;
  /** The id of the tree that the whole index equals, when the cached-tree extension says so. */
  readonly cachedTree: Oid | undefined;
  /** Whether an entry equals one of another version of this index, cached stat data and flags included. */
  sameEntry(position: number, other: IndexFile, otherPosition: number): boolean;
  /** The position of the first entry with this path, or `-1 - n` where n is where it would stand. */
  find(path: BytePath): number;
  /** The positions of the entries below a directory, as a half-open range; "" for the root. */
  range(directory: BytePath): readonly [start: number, end: number];
}
