import type { Stats } from "node:fs";
import type { BytePath } from "../io/byte-path.js";
import type { ObjectFormat, Oid } from "../objects/object-id.js";
/** What says, beside the entries, how they are read and what they prove. Plain data. */
export interface TableOptions {
  readonly format: ObjectFormat;
  readonly time: IndexTime;
  readonly rules: StatRules;
}

/** A table's data in memory that threads share. Nobody writes to it. */
export interface SharedTable extends TableOptions {
  readonly bytes: SharedArrayBuffer;
  readonly starts: SharedArrayBuffer;
  readonly flags: SharedArrayBuffer;
  /** The same as `bytes` where the paths stand in the file itself. */
  readonly pathBytes: SharedArrayBuffer;
  readonly pathStarts: SharedArrayBuffer;
  readonly pathEnds: SharedArrayBuffer;
}

/** What of a file's stat data counts: `core.trustctime`, `core.checkStat`, `core.fileMode`, `core.symlinks`. */
export interface StatRules {
  trustsCtime: boolean;
  /** `core.checkStat=minimal` turns this off: then only whole seconds of the modification time and the size count. */
  checksAll: boolean;
  trustsFileMode: boolean;
  trustsSymlinks: boolean;
}

/** When the index was written: entries of that time or later may have changed without a trace ("racily clean"). */
export interface IndexTime {
  /** Milliseconds since 1970, with the fraction that `Stats` has. */
  ms: number;
}

/** What of a file's stat data the index has too. Sizes in bytes, times in milliseconds since 1970 with a fraction. */
export type FileStats = Pick<Stats, "mode" | "size" | "ino" | "uid" | "gid" | "mtimeMs" | "ctimeMs">;

/** The entries of an index, addressed by position; paths ascend by bytes, unmerged stages are adjacent. */
export interface EntryTable {
  readonly count: number;
  path(position: number): BytePath;
  /** The positions whose entry stands in another directory than the entry before it, the first one among them. */
  directoryRuns(): Uint32Array;
  mode(position: number): number;
  oid(position: number): Oid;
  /** 0, or 1 to 3 when unmerged. */
  stage(position: number): number;
  assumeUnchanged(position: number): boolean;
  skipWorktree(position: number): boolean;
  intentToAdd(position: number): boolean;
  /**
   * Whether the entry's cached stat data proves that the file is unchanged, as git decides it: size, times, inode and
   * mode as recorded, and not "racily clean" (written in the same tick as the index).
   */
  provesUnchanged(position: number, stats: FileStats): boolean;
  /** What another thread can be given, which makes a table of it with `IndexTable.of`. */
  share(): SharedTable;
}

/** The parsed index. */
export interface IndexFile extends EntryTable {
  readonly version: number;
  /** Whether an entry equals one of another version of this index, cached stat data and flags included. */
  sameEntry(position: number, other: IndexFile, otherPosition: number): boolean;
  /** The position of the first entry with this path, or `-1 - n` where n is where it would stand. */
  find(path: BytePath): number;
  /** The first position whose path is not below `directory + "/"`, or whose path is: a half-open range. */
  range(directory: BytePath): readonly [start: number, end: number];
  /** The id of the tree that the whole index equals, when the cached-tree extension says so. */
  readonly cachedTree: Oid | undefined;
}
