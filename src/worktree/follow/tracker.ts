import { statSync } from "node:fs";
import { join } from "node:path";
import type { Repository, RepositoryPart } from "../../git/index.js";
import { openRepository } from "../../git/index.js";
import { diffFiles } from "../../protocol/index.js";
import { coalesce, messageOf, systemCode, TreewireError } from "../../util/index.js";
import { sameState } from "../patches/file-list.js";
import { TreeDiff } from "../patches/tree-diff.js";
import { pathOfKey } from "../patches/tree-file.js";
import { nativePath, parentPath, pathText } from "../paths.js";
import type { TreeLogger, TreeState } from "../types.js";
import { DirectoryWatcher } from "../watch/directory-watcher.js";
import { eventlessFileSystem } from "../watch/eventless-file-systems.js";
import { RepositoryWatch } from "../watch/repository-watch.js";
import { RootWatch } from "../watch/root-watch.js";
import { type Clock, systemClock } from "./clock.js";
import { FollowedSubmodules, type Modifications } from "./followed-submodules.js";
import { Hold, operationSigns } from "./hold.js";
import { PendingWork } from "./pending-work.js";
import { Sweeper } from "./sweeper.js";

/** Events of one save (truncate, write, rename) come within this time; a quiet tree's edit waits no longer. ms */
const COALESCE_MS = 2;
/** Frames of a busy tree come no faster than this (docs/watching.md, point 7: 20 a second), in milliseconds. */
const MIN_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 250;
/** A pass that failed is tried again after this time, doubled each time, up to {@link MAX_RETRY_MS}. */
const RETRY_MS = 50;
const MAX_RETRY_MS = 10_000;

/** Stands for "something in `.git`" among reported paths: no path holds a NUL. */
const REPOSITORY = "\0";

/** What a tracker tells. All callbacks come from the event loop, never from inside a call. */
export interface TrackerEvents {
  /** The tree differs from what was told before. */
  onState(state: TreeState): void;
  /** The root, its `.git`, or the target of a `.git` file is gone. It is followed again when it returns. */
  onGone(): void;
  /** {@link Tracker.modifications} are others than before. */
  onModified?(): void;
  /** A passing failure: the last good state stands. Told once for each message. */
  onTrouble(code: string, message: string): void;
}

export interface TrackerOptions extends TrackerEvents {
  /** Absolute path of the working tree. */
  root: string;
  logger: TreeLogger;
  maxPatchBytes: number;
  keptPatchBytes: number;
  clock?: Clock;
  /** `false`: nothing is looked at without an event or a refresh; for tests of the events. */
  sweep?: boolean;
}

interface OpenTree {
  repository: Repository;
  model: TreeDiff;
  repositoryWatch: RepositoryWatch;
  submodules: FollowedSubmodules;
  hold: Hold;
  /** Watches in the git directory whose events only say that git is at work. */
  activity: { close(): void }[];
}

/**
 * Follows one working tree: turns events into doubts, runs one pass at a time over what is in doubt, and tells the
 * state when it differs. Events only say where to look; each state is the difference of two snapshots.
 */
export class Tracker {
  readonly watcher: DirectoryWatcher;
  readonly #options: TrackerOptions;
  readonly #clock: Clock;
  readonly #rootWatch: RootWatch;
  readonly #run: () => Promise<void>;
  readonly #sweeper: Sweeper;

  readonly #doubts = new PendingWork();
  #rootInDoubt = true;
  /** While a sweep runs: what events told of meanwhile. */
  #reported: Set<string> | undefined;

  #present: OpenTree | undefined;
  /** The file system's name, when it does not report changes. */
  #eventless: string | undefined;
  #state: TreeState | undefined;
  #modified: Modifications = { tracked: false, untracked: false };
  #timer: { at: number; cancel: () => void } | undefined;
  #lastPassEnd = Number.NEGATIVE_INFINITY;
  #lastPassMs = 0;
  #failures = 0;
  #told = new Set<string>();
  #closed = false;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.watcher = new DirectoryWatcher({
      root: options.root,
      onPath: (path, replaced) => this.#onPath(path, replaced),
      onStorm: () => this.#doubtEverything(),
    });
    this.#rootWatch = new RootWatch(this.watcher, options.root, () => {
      this.#rootInDoubt = true;
      this.#wake();
    });
    this.#run = coalesce(() => this.#pass());
    this.#sweeper = new Sweeper({
      clock: this.#clock,
      isPolled: () => this.#health() !== "",
      sweep: () => this.#sweep(),
      onClockJump: () => this.#doubtEverything(),
    });
  }

  /** The last state; `undefined` before the first and while the tree is gone. */
  get state(): TreeState | undefined {
    return this.#state;
  }

  /** How the tree differs from its HEAD, for the tree that it is a submodule of. */
  get modifications(): Modifications {
    return this.#present?.model.modifications ?? { tracked: false, untracked: false };
  }

  /** Whether the tree was looked for and is not there; one that cannot be read is in trouble, but not gone. */
  get gone(): boolean {
    return this.#present === undefined && !this.#rootInDoubt;
  }

  /** Begins to follow. @returns when the first state is known, or the tree is known to be gone */
  async start(): Promise<void> {
    await this.#run();
    if (this.#options.sweep !== false && !this.#closed) this.#sweeper.start();
  }

  /**
   * A barrier: looks at every file again.
   * @returns the state that covers every write that was finished before the call; `undefined` when the tree is gone
   */
  async refresh(): Promise<TreeState | undefined> {
    this.#rootInDoubt = this.#rootInDoubt || !this.#rootIsTheSame();
    this.#doubts.addWholeRepository();
    this.#doubts.addEverything("sweep");
    await this.#present?.submodules.refresh();
    await this.#run();
    return this.#state;
  }

  close(): void {
    this.#closed = true;
    this.#sweeper.stop();
    this.#timer?.cancel();
    this.#rootWatch.close();
    this.#leave();
  }

  #onPath(path: string, replaced: boolean): void {
    if (path === ".git") return; // the root watch's business
    this.#doubts.addPath(path, replaced);
    this.#reported?.add(path);
    this.#wake();
  }

  /**
   * Looks at everything, and logs what differs although no event told of it: a fault of the watcher. A tree that is
   * changing is left alone until the next time: its events are at work.
   */
  async #sweep(): Promise<void> {
    const before = this.#state;
    if (before === undefined || this.#timer !== undefined) return;
    const reported = new Set<string>();
    this.#reported = reported;
    await this.refresh();
    // an event of a write that the sweep has seen is in the queue already: two turns deliver it
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
    this.#reported = undefined;
    const after = this.#state;
    if (after === undefined || this.#health() !== "" || reported.has(REPOSITORY)) return;
    for (const key of diffFiles(before.files, after.files).keys()) {
      const path = pathOfKey(key);
      if (!isReported(path, reported)) {
        this.#options.logger.warn({ path: pathText(path) }, "the sweep found a change that no event told of");
      }
    }
  }

  #doubtEverything(): void {
    this.#doubts.addEverything("relist");
    this.#doubts.addWholeRepository();
    this.#wake();
  }

  /** Sees to it that a pass runs: soon when the tree was quiet, else when the last frame is old enough. */
  #wake(): void {
    this.#failures = 0; // what failed may succeed now
    const now = this.#clock.monotonicMs();
    // a tree that never rests takes half of a core, but a machine that stalls once does not make it wait for long
    const pause = Math.min(Math.max(MIN_INTERVAL_MS, this.#lastPassMs), MAX_INTERVAL_MS);
    this.#wakeAt(Math.max(now + COALESCE_MS, this.#lastPassEnd + pause));
  }

  #wakeAt(at: number): void {
    if (this.#closed || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.after(at - this.#clock.monotonicMs(), () => this.#onTimer());
    this.#timer = { at, cancel };
  }

  #onTimer(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonicMs();
    const wait = this.#present?.hold.wait(now) ?? 0;
    if (wait > 0) this.#wakeAt(now + wait);
    else this.#run().catch((error: unknown) => this.#options.logger.error({ err: error }, "a pass was lost"));
  }

  async #pass(): Promise<void> {
    if (this.#closed) return;
    const began = this.#clock.monotonicMs();
    const doubts = this.#doubts.take();
    try {
      if (this.#rootInDoubt) await this.#lookAtRoot();
      if (this.#closed) return;
      const present = this.#present;
      if (present !== undefined) {
        const watched = doubts.repository.size > 0 ? present.repository.watchPaths() : undefined;
        if (watched !== undefined) present.repositoryWatch.place(watched);
        await present.model.pass(doubts);
        if (this.#closed || this.#present !== present) return;
        if (watched !== undefined && doubts.repository.has("config")) this.#watchMore(present, watched);
        this.#publish(present.model);
        if (present.model.changedWhileRead.size > 0) this.#wakeAt(this.#clock.monotonicMs() + MIN_INTERVAL_MS);
      }
      this.#failures = 0;
    } catch (error) {
      this.#doubts.putBack(doubts);
      this.#onFailure(error);
    } finally {
      this.#lastPassEnd = this.#clock.monotonicMs();
      this.#lastPassMs = this.#lastPassEnd - began;
    }
  }

  /** Watches the files that new settings name; they were read before they were watched, so they are read once more. */
  #watchMore({ repository, repositoryWatch }: OpenTree, watched: ReadonlyMap<string, RepositoryPart>): void {
    const paths = repository.watchPaths();
    const added = [...paths].filter(([path]) => !watched.has(path));
    if (added.length === 0) return;
    repositoryWatch.place(paths);
    for (const [, change] of added) this.#doubts.addRepository(change);
    this.#wake();
  }

  #onFailure(error: unknown): void {
    this.#tell(error instanceof TreewireError ? error.code : "TW_TREE_UNREADABLE", messageOf(error));
    this.#rootInDoubt ||= !this.#rootIsTheSame();
    const delay = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#wakeAt(this.#clock.monotonicMs() + delay);
  }

  /** Opens the repository at the root anew, or finds that there is none. */
  async #lookAtRoot(): Promise<void> {
    this.#rootWatch.place(this.#present === undefined);
    this.#rootInDoubt = false;
    let repository: Repository | undefined;
    try {
      repository = await openRepository(this.#options.root);
    } catch (error) {
      if (!isAbsence(error)) {
        this.#rootInDoubt = true;
        throw error;
      }
    }
    if (repository?.root !== this.#options.root) repository = undefined; // an outer repository's directory
    this.#leave();
    this.watcher.missing.count = 0;
    this.#eventless = repository && eventlessFileSystem(repository.root);
    if (repository === undefined) {
      this.#rootWatch.place(true);
      if (this.#state !== undefined) {
        this.#state = undefined;
        this.#options.onGone();
      }
      return;
    }
    const repositoryWatch = new RepositoryWatch(this.watcher, (change, path) => {
      this.#options.logger.trace({ change, path }, "repository changed");
      this.#doubts.addRepository(change);
      this.#reported?.add(REPOSITORY);
      this.#wake();
    });
    repositoryWatch.place(repository.watchPaths());
    const hold = new Hold(operationSigns(repository.gitDir));
    const activity = this.watcher.coverOther(repository.gitDir, () => hold.activity(this.#clock.monotonicMs()));
    const { maxPatchBytes, keptPatchBytes } = this.#options;
    const submodules = new FollowedSubmodules(repository, (path) => this.#followSubmodule(path));
    const model = new TreeDiff(repository, this.watcher, submodules, { maxPatchBytes, keptPatchBytes });
    this.#present = { repository, model, repositoryWatch, submodules, hold, activity };
  }

  #followSubmodule(path: string): Tracker {
    const changed = (): void => this.#onPath(path, false);
    const root = String(nativePath(this.#options.root, path));
    const listeners = { onState: changed, onModified: changed, onGone: changed };
    return new Tracker({ ...this.#options, root, maxPatchBytes: 0, ...listeners });
  }

  #leave(): void {
    this.#present?.model.close();
    this.#present?.repositoryWatch.close();
    this.#present?.submodules.close();
    for (const watch of this.#present?.activity ?? []) watch.close();
    this.#present = undefined;
  }

  #rootIsTheSame(): boolean {
    if (this.#present === undefined) return false;
    try {
      return statSync(join(this.#options.root, ".git"), { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      return systemCode(error) === "EACCES";
    }
  }

  #publish(model: TreeDiff): void {
    for (const { path, message } of model.troubles) {
      this.#tell("TW_PATH_UNREADABLE", `${this.#options.root}/${pathText(path)}: ${message}`);
    }
    if (model.troubles.length === 0) this.#told.clear();
    const before = this.#state;
    const after: TreeState = {
      root: this.#options.root,
      head: model.head.commit ?? "",
      branch: model.head.branch,
      remoteOrigin: model.remoteOrigin,
      scannedAt: this.#clock.wallMs(),
      health: this.#health(),
      files: model.files,
    };
    this.#state = after;
    if ((before?.health ?? "") !== after.health) this.#sweeper.reschedule();
    if (before === undefined || !sameState(before, after)) this.#options.onState(after);
    const { tracked, untracked } = model.modifications;
    if (tracked !== this.#modified.tracked || untracked !== this.#modified.untracked) this.#options.onModified?.();
    this.#modified = { tracked, untracked };
  }

  #health(): string {
    const { count, code } = this.watcher.missing;
    const seconds = Math.ceil(this.#sweeper.pollMs / 1000);
    if (this.#eventless !== undefined) return `polled every ${seconds} s: ${this.#eventless} does not report changes`;
    if (count === 0) return "";
    return `polled every ${seconds} s: the limit of file watches is reached (${code}), raise fs.inotify.max_user_watches`;
  }

  #tell(code: string, message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#options.onTrouble(code, message);
  }
}

/** Whether an event told of the path or of a directory above it. */
function isReported(path: string, reported: ReadonlySet<string>): boolean {
  for (let at = path; at !== ""; at = parentPath(at)) if (reported.has(at)) return true;
  return reported.has("");
}

function isAbsence(error: unknown): boolean {
  return error instanceof TreewireError && ["TW_NOT_A_REPOSITORY", "TW_PATH_NOT_FOUND"].includes(error.code);
}
