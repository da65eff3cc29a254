import type { Stats } from "node:fs";
import type { SharedTable } from "./index-table.js";

/**
 * A path relative to the working tree's root, `/` between names, **one character per byte** (latin1), so that names
 * that are not UTF-8 survive, comparisons are git's byte order, and strings stay one byte wide in memory.
 */
export type BytePath = string;

/** Full lower-case hexadecimal object id: 40 digits (SHA-1), or 64 in a SHA-256 repository. */
export type Oid = string;

/** What HEAD points to. */
export interface Head {
  /** Short branch name; "" when detached. Set for an unborn branch too. */
  branch: string;
  /** `undefined`: unborn. */
  commit: Oid | undefined;
  /** The commit's tree; the empty tree's id when unborn. */
  tree: Oid;
}

/** One entry of a tree, flattened. */
export interface TreeEntry {
  mode: number;
  oid: Oid;
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

/** How the attributes and the configuration say one file is to be read and printed. */
export interface FileAttributes {
  /** `-diff`, `binary` or `diff.<driver>.binary`: `true`; `diff` set: `false`; else absent, and the content decides. */
  binary?: boolean;
  /** The `diff=<driver>` name, when one is given. */
  diffDriver?: string;
  /** The driver's own pattern for the text behind `@@`, where the configuration has one. */
  functionPattern?: ConfiguredPattern;
}

/** `diff.<driver>.xfuncname` or `funcname`, as it stands in the configuration. */
export interface ConfiguredPattern {
  /** The setting's name, for messages. */
  readonly setting: string;
  /** One character per byte. */
  readonly text: string;
  readonly syntax: "basic" | "extended";
}

/** Ignore rules of one directory, with those of its parents behind them. Immutable. */
export interface IgnoreDirectory {
  /**
   * Whether git would leave an untracked entry of this directory out. @param name one path component, one char per byte
   */
  ignores(name: string, isDirectory: boolean): boolean;
  /**
   * The rules that hold inside the child directory `name`.
   * @param ignoreFile the bytes of the `.gitignore` there, `undefined` when there is none
   */
  enter(name: string, ignoreFile: Uint8Array | undefined): IgnoreDirectory;
}

/** The content that git would compare for a file on disk: after its clean conversion. */
export interface CleanFile {
  mode: number;
  oid: Oid;
  /** Reads and converts again when it was not kept. @throws if the file is gone by then */
  content: () => Uint8Array;
  /** Bytes on disk before conversion. */
  size: number;
  /** Bytes after conversion: of {@link content}. */
  contentSize: number;
  /** Whether a filter, an encoding, line ends or idents are converted, even if they leave these bytes as they are. */
  converts: boolean;
  /** There is a NUL where git looks for one; absent when that was not looked for. */
  holdsNul?: boolean;
  /** A regular file over `core.bigFileThreshold`, which git takes for binary unless it has read it already. */
  large: boolean;
}

/**
 * What of a submodule counts in a diff: `all`: nothing of it, not even another commit; `dirty`: its commit only;
 * `untracked` (the default): also changed tracked files (`-dirty`); `none`: also untracked ones.
 */
export type SubmoduleIgnore = "none" | "untracked" | "dirty" | "all";

/** Says which part of what a {@link Repository} caches may have changed. */
export type RepositoryChange = "head" | "index" | "config" | "ignore" | "attributes" | "objects";

/** One repository with a working tree, on disk, **read only**: no lock, no write, no hook. */
export interface Repository {
  /** Absolute path of the working tree, links resolved. */
  readonly root: string;
  /** Absolute path of this working tree's git directory (of a linked worktree: its own). */
  readonly gitDir: string;
  /** Absolute path of the git directory that holds objects, refs and configuration. Often equal to `gitDir`. */
  readonly commonDir: string;

  /** Absolute paths of the files and directories (not below them) whose change can change an answer, by kind. */
  watchPaths(): ReadonlyMap<string, RepositoryChange>;
  /** Forget what was cached of these kinds; the next question reads again. */
  invalidate(changes: Iterable<RepositoryChange>): void;
  /**
   * The same for what may have changed: configuration, ignore and attribute files outside of the working tree only if
   * their content is another one than at the call before.
   * @returns the kinds that were forgotten
   * @throws TreewireError as opening the repository does; the next call finds the same changes
   */
  revalidate(doubts: Iterable<RepositoryChange>): ReadonlySet<RepositoryChange>;

  /** @throws TreewireError `TW_CORRUPT_REPOSITORY` */
  head(): Promise<Head>;
  /** `remote.origin.url`, or "". */
  remoteOrigin(): Promise<string>;
  /** Bytes of the index file, 0 when there is none: how large the tree is, known before the index is read. */
  indexBytes(): number;
  /** The current index; an empty one when there is none. The same object while the file has not changed. */
  index(): IndexFile;
  /**
   * Where HEAD's tree differs from the index: path → HEAD's entry, or `undefined` when HEAD lacks the path.
   * Unmerged paths are always in it.
   */
  headDifferences(index: IndexFile, tree: Oid): Promise<ReadonlyMap<BytePath, TreeEntry | undefined>>;
  /** The bytes of a blob. @throws TreewireError `TW_CORRUPT_REPOSITORY` naming the object when it is not there */
  readBlob(oid: Oid): Promise<Uint8Array>;
  /**
   * The size of a blob in bytes, without its content: one over {@link bigFileThresholdBytes} is binary for git, whatever
   * is in it, and need not be read. @throws like {@link readBlob}
   */
  blobSize(oid: Oid): number;
  /** `core.bigFileThreshold`. */
  readonly bigFileThresholdBytes: number;
  /** Where the patch of a tracked file stands among others, as `diff.orderFile` says; `undefined`: by its path. */
  patchRank(path: BytePath): number | undefined;
  /** `diff.renameLimit`, as `detectRenames` takes it; `undefined`: git's default. */
  readonly renameLimit: number | undefined;

  /** Whether the directory (a byte path) is the working tree of another repository, by git's own test. Synchronous. */
  isNestedRepository(path: BytePath): boolean;
  /** The rules at the top: the root's `.gitignore` (handed in), `info/exclude`, `core.excludesFile`. */
  ignoreRules(rootIgnoreFile: Uint8Array | undefined): IgnoreDirectory;
  /**
   * The bytes of a directory's `.gitignore` as git finds them: a symbolic link is not followed, and where a sparse
   * checkout left the file out, the index has it. @param directory "" for the root
   */
  readIgnoreFile(directory: BytePath): Uint8Array | undefined;
  /** @param tracked whether the index stands in for attributes files that are not on disk; not for untracked files. Default: it does */
  attributes(path: BytePath, tracked?: boolean): FileAttributes;
  /**
   * The file on disk as git would compare it.
   * @param indexOid the index entry's blob, which `autocrlf` looks at; `undefined`: the file is untracked
   * @throws a system error when the file can't be read
   */
  clean(path: BytePath, stats: Stats, indexOid: Oid | undefined): Promise<CleanFile>;
  /**
   * The commit that a submodule has checked out; `undefined` when there is no repository in its directory, which git
   * takes for unchanged, or when its HEAD is unborn.
   */
  submoduleHead(path: BytePath): Oid | undefined;
  /** What of the submodule counts. @param path of its index entry */
  submoduleIgnore(path: BytePath): SubmoduleIgnore;
  /** `core.fileMode`: whether the executable bit counts. */
  readonly trustsFileMode: boolean;
  /** `core.ignoreCase`: whether names that differ in case are one file. */
  readonly ignoresCase: boolean;
  /** `core.symlinks`: whether links are links. */
  readonly trustsSymlinks: boolean;
  /**
   * In a sparse checkout git drops the skip-worktree bit of entries whose file is there all the same (since 2.36),
   * unless `sparse.expectFilesOutsideOfPatterns` is set.
   */
  readonly revivesPresentFiles: boolean;
}
