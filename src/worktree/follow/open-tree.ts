import { bytesOfText, type Repository, type RepositoryPart, textOfBytes } from "../../git/index.js";
import type { FileChanges } from "../../protocol/index.js";
import type { Clock } from "../../util/index.js";
import type { PassRequest } from "../patches/pass-request.js";
import type { PatchBudget } from "../patches/patch-set.js";
import { SlowReads } from "../patches/slow-reads.js";
import { TreeDiff } from "../patches/tree-diff.js";
import type { NameWatches } from "../watch/name-watches.js";
import { ResolutionWatch } from "../watch/resolution-watch.js";
import type { TreeWatcher } from "../watch/tree-watcher.js";
import { FollowedSubmodules, type FollowSubmodule } from "./followed-submodules.js";
import { Hold, operationSigns } from "./hold.js";

/** How long a pass waits for the files that take long; quick filters are done by then, and an edit is not late. ms */
const PATIENCE_MS = 100;
/** Larger files are told by their size: half a minute and more would pass before anything is known of them. Bytes. */
const MAX_HASHED_BYTES = 16 * 2 ** 30;
/** So many of the files that are not ready are named. */
const NAMED_FILES = 3;

export interface OpenTreeOptions {
  repository: Repository;
  watcher: TreeWatcher;
  names: NameWatches;
  clock: Clock;
  budget: PatchBudget;
  followSubmodule: FollowSubmodule;
  /** The commit that a submodule has checked out may be another one than was found. @param path byte path */
  onSubmodule: (path: string) => void;
  /** An event said that a part of the repository may have changed. @param path absolute byte path */
  onEvent: (part: RepositoryPart, path: string) => void;
  /** A file that passes went on without has been read. */
  onReady: () => void;
  /** A part of the repository was watched only after it was read: it is to be read once more. */
  onOutdated: (part: RepositoryPart) => void;
  /** Events may have been lost. */
  onOverflow: () => void;
}

/** All that is open while a repository is at the root of a followed tree. */
export class OpenTree {
  readonly diff: TreeDiff;
  readonly repository: Repository;
  readonly submodules: FollowedSubmodules;
  readonly #options: OpenTreeOptions;
  /** The ways to the files that decide what the diff is. */
  readonly #decidingFiles: ResolutionWatch<RepositoryPart>;
  /** The entries of the git directory, whose events only say that git is at work. */
  readonly #activity: ResolutionWatch<undefined>;
  readonly #hold: Hold;
  /** The files that decide what comparisons are. */
  #comparedPaths: readonly string[] = [];
  #closed = false;

  /** Watches the repository's own files, then reads its index. @throws TreewireError as reading an index does */
  constructor(options: OpenTreeOptions) {
    const { repository, watcher, names, clock, budget, followSubmodule, onEvent, onOverflow } = options;
    this.#options = options;
    this.repository = repository;
    const onChange = (part: RepositoryPart, { path }: { path: string }): void => onEvent(part, path);
    this.#decidingFiles = new ResolutionWatch({ names, onChange, onOverflow });
    this.#decidingFiles.place(() => repository.watchPaths());
    this.#hold = new Hold(operationSigns(repository.gitDir), clock.monotonicMs());
    const onActivity = (): void => this.#hold.activity(clock.monotonicMs());
    this.#activity = new ResolutionWatch({ names, onChange: onActivity, onOverflow });
    this.#activity.place(() => new Map([[`${bytesOfText(repository.gitDir)}/`, undefined]]));
    this.submodules = new FollowedSubmodules({
      repository,
      follow: followSubmodule,
      watch: (path) => this.#watchSubmodule(path),
    });
    const without = {
      reads: new SlowReads(options.onReady),
      patienceMs: PATIENCE_MS,
      maxHashedBytes: MAX_HASHED_BYTES,
    };
    this.diff = new TreeDiff(repository, watcher, this.submodules, budget, without);
  }

  /** What {@link diff} is without, in words; "" when nothing is missing. */
  get notReady(): string {
    const paths = this.diff.notReady;
    if (paths.length === 0) return "";
    const named = paths.slice(0, NAMED_FILES).map(textOfBytes).join(", ");
    const which = paths.length > NAMED_FILES ? `${named} …` : named;
    return `${paths.length} ${paths.length === 1 ? "file is" : "files are"} not ready yet: ${which}`;
  }

  /**
   * The git directories, and where the ways to the files that decide what the diff is end: at the files themselves, or at
   * links on the way. Absolute byte paths, without links above their last name.
   */
  places(): string[] {
    const { gitDir, commonDir } = this.repository;
    return [bytesOfText(gitDir), bytesOfText(commonDir), ...this.#decidingFiles.places()];
  }

  /** Why some of the repository's files are not watched; `undefined`: all are. */
  get unwatched(): string | undefined {
    return this.#decidingFiles.missing;
  }

  /** Whether git is at work. @param now monotonic milliseconds @returns milliseconds to wait; 0: it is not */
  hold(now: number): number {
    return this.#hold.wait(now);
  }

  /** One pass of the {@link diff}; what is to be read of the repository is watched before. Throws as the pass does. */
  async pass(request: PassRequest): Promise<FileChanges> {
    const { repository } = this.#options;
    const asksRepository = request.repository.size > 0;
    if (asksRepository) this.#decidingFiles.place(() => this.#watchPaths(repository));
    const changes = await this.diff.pass(request);
    const { watchPaths } = this.diff.comparisons;
    const comparesOthers = watchPaths.join("\0") !== this.#comparedPaths.join("\0");
    this.#comparedPaths = watchPaths;
    if ((asksRepository || comparesOthers) && !this.#closed) {
      // what new settings and comparisons name was read before it was watched
      const moved = this.#decidingFiles.place(() => this.#watchPaths(repository));
      for (const part of moved) this.#options.onOutdated(part);
    }
    return changes;
  }

  /** The files that decide what the diff and its comparisons are. */
  #watchPaths(repository: Repository): ReadonlyMap<string, RepositoryPart> {
    const refs = this.#comparedPaths.map((path) => [path, "head"] as const);
    return new Map([...refs, ...repository.watchPaths()]);
  }

  close(): void {
    this.#closed = true;
    this.diff.close();
    this.#decidingFiles.close();
    this.#activity.close();
    this.submodules.close();
  }

  #watchSubmodule(path: string): { close(): void } {
    const { repository, names, onSubmodule, onOverflow } = this.#options;
    const watch = new ResolutionWatch<undefined>({ names, onChange: () => onSubmodule(path), onOverflow });
    watch.place(() => new Map(repository.submoduleWatchPaths(path).map((each) => [each, undefined])));
    return watch;
  }
}
