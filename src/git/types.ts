import type { Stats } from "node:fs";
import type { CleanFile } from "./clean/types.js";
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

/** Says which part of what a {@link Repository} caches may have changed. */
export type RepositoryPart = "head" | "index" | "config" | "ignore" | "attributes" | "objects";

/** One repository with a working tree, on disk, **read only**: no lock, no write, no hook. */
export interface Repository {
  /** Absolute path of the working tree, links resolved. */
  readonly root: string;
  /** Absolute path of this working tree's git directory (of a linked worktree: its own). */
  readonly gitDir: string;
  /** Absolute path of the git directory that holds objects, refs and configuration. Often equal to `gitDir`. */
  readonly commonDir: string;

  /** Absolute paths of the files and directories (not below them) whose change can change an answer, by kind. */
  watchPaths(): ReadonlyMap<string, RepositoryPart>;
  /** Forget what was cached of these kinds; the next question reads again. */
  invalidate(changes: Iterable<RepositoryPart>): void;
  /**
   * The same for what may have changed: configuration, ignore and attribute files outside of the working tree only if
   * their content is another one than at the call before.
   * @returns the kinds that were forgotten
   * @throws TreewireError as opening the repository does; the next call finds the same changes
   */
  revalidate(doubts: Iterable<RepositoryPart>): ReadonlySet<RepositoryPart>;

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
  readonly clearsSkipWorktreeOfPresentFiles: boolean;
}
