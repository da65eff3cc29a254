import { bytesOfText, type Repository, type RepositoryPart } from "../../git/index.js";
import type { FileChanges } from "../../protocol/index.js";
import type { Clock } from "../../util/index.js";
import type { PassRequest } from "../patches/pass-request.js";
import type { PatchBudget } from "../patches/patch-set.js";
import { TreeDiff } from "../patches/tree-diff.js";
import type { DirectoryWatcher } from "../watch/directory-watcher.js";
import type { NameWatches } from "../watch/name-watches.js";
import { ResolutionWatch } from "../watch/resolution-watch.js";
import { FollowedSubmodules, type FollowSubmodule } from "./followed-submodules.js";
import { Hold, operationSigns } from "./hold.js";

export interface OpenTreeOptions {
  repository: Repository;
  watcher: DirectoryWatcher;
  names: NameWatches;
  clock: Clock;
  budget: PatchBudget;
  followSubmodule: FollowSubmodule;
  /** The commit that a submodule has checked out may be another one than was found. @param path byte path */
  onSubmodule: (path: string) => void;
  /** An event said that a part of the repository may have changed. @param path absolute byte path */
  onEvent: (part: RepositoryPart, path: string) => void;
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
  #closed = false;

  /** Watches the repository's own files, then reads its index. @throws TreewireError as reading an index does */
  constructor(options: OpenTreeOptions) {
    const { repository, watcher, names, clock, budget, followSubmodule, onEvent, onOverflow } = options;
    this.#options = options;
    this.repository = repository;
    const onChange = (part: RepositoryPart, { path }: { path: string }): void => onEvent(part, path);
    this.#decidingFiles = new ResolutionWatch({ names, onChange, onOverflow });
    this.#decidingFiles.place(() => repository.watchPaths());
    this.#hold = new Hold(operationSigns(repository.gitDir));
    const onActivity = (): void => this.#hold.activity(clock.monotonicMs());
    this.#activity = new ResolutionWatch({ names, onChange: onActivity, onOverflow });
    this.#activity.place(() => new Map([[`${bytesOfText(repository.gitDir)}/`, undefined]]));
    this.submodules = new FollowedSubmodules({
      repository,
      follow: followSubmodule,
      watch: (path) => this.#watchSubmodule(path),
    });
    this.diff = new TreeDiff(repository, watcher, this.submodules, budget);
  }

  /** Why some of the repository's files are not watched; `undefined`: all are. */
  get missing(): string | undefined {
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
    if (asksRepository) this.#decidingFiles.place(() => repository.watchPaths());
    const changes = await this.diff.pass(request);
    if (asksRepository && !this.#closed) {
      // what new settings name was read before it was watched
      for (const part of this.#decidingFiles.place(() => repository.watchPaths())) this.#options.onOutdated(part);
    }
    return changes;
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
