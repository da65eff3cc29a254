import type { Repository, RepositoryPart } from "../../git/index.js";
import { textOfBytes } from "../../git/index.js";
import type { FileChanges } from "../../protocol/index.js";
import type { Clock } from "../../util/index.js";
import type { PassRequest } from "../patches/pass-request.js";
import type { PatchBudget } from "../patches/patch-set.js";
import { SlowReads } from "../patches/slow-reads.js";
import { TreeDiff } from "../patches/tree-diff.js";
import type { DirectoryWatcher } from "../watch/directory-watcher.js";
import { RepositoryWatch } from "../watch/repository-watch.js";
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
  watcher: DirectoryWatcher;
  clock: Clock;
  budget: PatchBudget;
  followSubmodule: FollowSubmodule;
  /** An event said that a part of the repository may have changed. @param path absolute */
  onEvent: (part: RepositoryPart, path: string) => void;
  /** A file that passes went on without has been read. */
  onReady: () => void;
  /** A part of the repository was watched only after it was read: it is to be read once more. */
  onOutdated: (part: RepositoryPart) => void;
}

/** All that is open while a repository is at the root of a followed tree. */
export class OpenTree {
  readonly diff: TreeDiff;
  readonly submodules: FollowedSubmodules;
  readonly #options: OpenTreeOptions;
  readonly #repositoryWatch: RepositoryWatch;
  readonly #hold: Hold;
  /** Watches in the git directory whose events only say that git is at work. */
  readonly #activity: { close(): void }[];
  #closed = false;

  /** Watches the repository's own files, then reads its index. @throws TreewireError as reading an index does */
  constructor(options: OpenTreeOptions) {
    const { repository, watcher, clock, budget, followSubmodule, onEvent } = options;
    this.#options = options;
    this.#repositoryWatch = new RepositoryWatch(watcher, onEvent);
    this.#repositoryWatch.place(repository.watchPaths());
    this.#hold = new Hold(operationSigns(repository.gitDir), clock.monotonicMs());
    this.#activity = watcher.coverOther(repository.gitDir, () => this.#hold.activity(clock.monotonicMs()));
    this.submodules = new FollowedSubmodules(repository, followSubmodule);
    const without = {
      reads: new SlowReads(options.onReady),
      patienceMs: PATIENCE_MS,
      maxHashedBytes: MAX_HASHED_BYTES,
    };
    this.diff = new TreeDiff(repository, watcher, this.submodules, budget, without);
  }

  /** What {@link diff} is without, in words; "" when nothing is missing. */
  get missing(): string {
    const paths = this.diff.notReady;
    if (paths.length === 0) return "";
    const named = paths.slice(0, NAMED_FILES).map(textOfBytes).join(", ");
    const which = paths.length > NAMED_FILES ? `${named} …` : named;
    return `${paths.length} ${paths.length === 1 ? "file is" : "files are"} not ready yet: ${which}`;
  }

  /** Absolute paths of the git directory, and of the files that decide what the diff is. */
  places(): string[] {
    const { repository } = this.#options;
    return [repository.gitDir, ...repository.watchPaths().keys()];
  }

  /** Whether git is at work. @param now monotonic milliseconds @returns milliseconds to wait; 0: it is not */
  hold(now: number): number {
    return this.#hold.wait(now);
  }

  /** One pass of the {@link diff}; what is to be read of the repository is watched before. Throws as the pass does. */
  async pass(request: PassRequest): Promise<FileChanges> {
    const { repository } = this.#options;
    const watched = request.repository.size > 0 ? repository.watchPaths() : undefined;
    if (watched !== undefined) this.#repositoryWatch.place(watched);
    const changes = await this.diff.pass(request);
    if (watched !== undefined && request.repository.has("config") && !this.#closed) this.#watchMore(watched);
    return changes;
  }

  close(): void {
    this.#closed = true;
    this.diff.close();
    this.#repositoryWatch.close();
    this.submodules.close();
    for (const watch of this.#activity) watch.close();
  }

  /** Watches the files that new settings name; they were read before they were watched. */
  #watchMore(watched: ReadonlyMap<string, RepositoryPart>): void {
    const paths = this.#options.repository.watchPaths();
    const added = [...paths].filter(([path]) => !watched.has(path));
    if (added.length === 0) return;
    this.#repositoryWatch.place(paths);
    for (const [, part] of added) this.#options.onOutdated(part);
  }
}
