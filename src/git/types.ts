import type { CleanFile, FileLook, SlowReading } from "./clean/types.js";
import type { HistorySource } from "./history-source.js";
import type { IndexFile } from "./index-file/types.js";
import type { BytePath } from "./io/byte-path.js";
import type { TreeEntry } from "./objects/git-object.js";
import type { Oid } from "./objects/object-id.js";
import type { Head } from "./refs/types.js";
import type { FileAttributes, IgnoreDirectory } from "./rules/types.js";

/**
 * What of a submodule counts in a diff: `all`: nothing of it, not even another commit; `dirty`: its commit only;
 * `untracked` (the default): also changed tracked files (`-dirty`); `none`: also untracked ones.
 */
export type SubmoduleIgnore = "none" | "untracked" | "dirty" | "all";

/** A part of what a {@link Repository} caches: a change on disk outdates one of them. */
export type RepositoryPart = "head" | "index" | "config" | "ignore" | "attributes" | "objects";

/**
 * One repository with a working tree, on disk, **read only**: it writes nothing, takes no lock and runs no hook. Every
 * answer is read synchronously, as the room runs in a worker thread; {@link clean} alone waits, for filter programs.
 * Whatever reads objects throws TreewireError `TW_CORRUPT_REPOSITORY` naming the object that is missing or damaged, or
 * `TW_NOT_FETCHED` where a partial clone lacks it.
 */
export interface Repository {
  /** Absolute path of the working tree, links resolved. */
  readonly root: string;
  /** Absolute path of the directory that holds `.git`, by which it is found again: `core.worktree` moves the root. */
  readonly top: string;
  /** Absolute path of this working tree's git directory (of a linked worktree: its own). */
  readonly gitDir: string;
  /** Absolute path of the git directory that holds objects, refs and configuration. Often equal to `gitDir`. */
  readonly commonDir: string;
  /** Differs from that of any repository that takes the place of this one, or of one of its directories. */
  readonly identity: string;

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
  readonly clearsSkipWorktreeOfPresentFiles: boolean;
  /** `core.bigFileThreshold`, in bytes. */
  readonly bigFileThresholdBytes: number;
  /** `diff.renameLimit`, as `detectRenames` takes it; `undefined`: git's default. */
  readonly renameLimit: number | undefined;

  /**
   * The files and directories whose change can change an answer: absolute byte path → which part they belong to. Of a
   * directory with a `/` behind it each entry counts, not what is below them.
   */
  watchPaths(): ReadonlyMap<BytePath, RepositoryPart>;
  /**
   * The same for {@link submoduleHead} of one submodule: absolute byte paths, as far as they can be followed.
   */
  submoduleWatchPaths(path: BytePath): BytePath[];
  /** Forgets what is cached of these parts; the next question reads it again. */
  invalidate(changes: Iterable<RepositoryPart>): void;
  /**
   * Forgets what is cached of parts that may have changed. Configuration, ignore and attributes files outside of the
   * working tree count only if their content is another one than at the call before.
   *
   * @returns the parts that were forgotten
   * @throws TreewireError as opening the repository does; the next call finds the same changes
   */
  revalidate(suspected: Iterable<RepositoryPart>): ReadonlySet<RepositoryPart>;

  /** What HEAD points to, read anew for each question. @throws TreewireError `TW_CORRUPT_REPOSITORY` */
  head(): Head;
  /** `remote.origin.url`, or "". */
  remoteOrigin(): string;
  /** Bytes of the index file, 0 when there is none: says how large the tree is before the index is read. */
  indexBytes(): number;
  /** The current index; an empty one when there is none. The same object while the file has not changed. */
  index(): IndexFile;
  /**
   * Where HEAD's tree differs from the index: path → HEAD's entry, or `undefined` when HEAD lacks the path.
   * Unmerged paths are always in it.
   *
   * @param index from {@link index}
   * @param tree from {@link head}
   */
  headDifferences(index: IndexFile, tree: Oid): ReadonlyMap<BytePath, TreeEntry | undefined>;
  /** The bytes of a blob. */
  readBlob(oid: Oid): Uint8Array;
  /**
   * The size of a blob in bytes, without its content: git takes one over {@link bigFileThresholdBytes} for binary,
   * whatever is in it, so that it need not be read.
   */
  blobSize(oid: Oid): number;
  /** Where the patch of a tracked file stands among others, as `diff.orderFile` says; `undefined`: by its path. */
  patchRank(path: BytePath): number | undefined;

  /** Whether a directory is the working tree of another repository, by git's own test. */
  isNestedRepository(path: BytePath): boolean;
  /**
   * The ignore rules at the top of the working tree: the root's `.gitignore`, `info/exclude`, `core.excludesFile`.
   *
   * @param rootIgnoreFile the bytes of the root's `.gitignore`, `undefined` when there is none
   */
  ignoreRules(rootIgnoreFile: Uint8Array | undefined): IgnoreDirectory;
  /**
   * The bytes of a directory's `.gitignore` as git finds them: a symbolic link is not followed, and where a sparse
   * checkout left the file out, the index has it.
   *
   * @param directory "" for the root
   */
  readIgnoreFile(directory: BytePath): Uint8Array | undefined;
  /**
   * How attributes and configuration say that a file is printed.
   *
   * @param tracked whether the index stands in for attributes files that are not on disk, as git has it for tracked
   *   files; default: it does
   */
  attributes(path: BytePath, tracked?: boolean): FileAttributes;
  /**
   * The file on disk as git would compare it.
   *
   * @param look of before: what is read counts by what the open file says of itself
   * @param indexOid the index entry's blob, which `autocrlf` looks at; `undefined`: the file is untracked
   * @throws a system error when the file can't be read; `WorkFileChangedError` when it is no regular file any more, or has
   *   become too large to be read whole;
   *   TreewireError `TW_FILTER_FAILED`, `TW_UNKNOWN_ENCODING`
   * @param signal of a caller that does not wait: a file that is read piece by piece is left when it aborts, and when the
   *   file changes meanwhile
   * @returns a file without content, but with `filterNotRun`, where a filter that git would run may not be run
   */
  clean(path: BytePath, look: FileLook, indexOid: Oid | undefined, signal?: AbortSignal): Promise<CleanFile>;
  /** Why {@link clean} may take long for a file; `undefined`: it does not, and all is done before it returns. */
  slowReading(path: BytePath, look: FileLook, indexOid: Oid | undefined): SlowReading | undefined;
  /**
   * The commit that a submodule has checked out; `undefined` when there is no repository in its directory, which git
   * takes for unchanged, or when its HEAD is unborn.
   *
   * @throws TreewireError `TW_PATH_REFUSED` for one that leads out of the allowed directories and this tree
   */
  submoduleHead(path: BytePath): Oid | undefined;
  /**
   * What of a submodule's state counts.
   *
   * @param path of its index entry
   * @throws TreewireError `TW_BAD_GIT_CONFIG` when `.gitmodules` breaks the syntax
   */
  submoduleIgnore(path: BytePath): SubmoduleIgnore;
  /** What history is read from, with the configuration as it is now. */
  historySource(): HistorySource;
}
