import { statSync } from "node:fs";
import { join } from "node:path";
import type { Repository } from "../../git/index.js";
import { fileSystemPath, openRepository, textOfBytes } from "../../git/index.js";
import { type Clock, coalesce, messageOf, systemClock, systemCode, TreewireError } from "../../util/index.js";
import type { Modifications } from "../patches/submodules.js";
import type { TreeLogger, TreeState } from "../types.js";
import { DirectoryWatcher } from "../watch/directory-watcher.js";
import { eventlessFileSystem } from "../watch/eventless-file-systems.js";
import { NameWatches } from "../watch/name-watches.js";
import { MAX_DIRECTORIES } from "../watch/resolution-watch.js";
import { type RootDoubt, RootWatch } from "../watch/root-watch.js";
import { NamedPaths } from "./named-paths.js";
import { OpenTree } from "./open-tree.js";
import { PassTimer } from "./pass-timer.js";
import { PendingWork } from "./pending-work.js";
import { type PassOutcome, StateReporter, type TrackerEvents } from "./state-reporter.js";
import { Sweeper } from "./sweeper.js";

/** So many directories are named in the log because something in them is left out. */
const MAX_WARNINGS = 20;

export interface TrackerOptions extends TrackerEvents {
  /** Absolute path of the working tree. */
  root: string;
  /** Absolute path of the directory that holds `.git`, where `core.worktree` puts the root elsewhere. */
  top?: string;
  /** Watches on names in directories that trees have in common. Default: nobody shares them. */
  names?: NameWatches;
  logger: TreeLogger;
  maxPatchBytes: number;
  keptPatchBytes: number;
  clock?: Clock;
  /** `false`: nothing is looked at without an event or a refresh; for tests of the events. */
  sweep?: boolean;
}

/**
 * Follows one working tree: collects what events name, runs one pass at a time over it, and reports the state when it
 * differs. Events only say where to look; each state is the difference of two snapshots.
 */
export class Tracker {
  readonly watcher: DirectoryWatcher;
  readonly #options: TrackerOptions;
  readonly #clock: Clock;
  readonly #top: string;
  readonly #names: NameWatches;
  readonly #rootWatch: RootWatch;
  readonly #run: () => Promise<void>;
  readonly #timer: PassTimer;
  readonly #sweeper: Sweeper;
  readonly #reporter: StateReporter;

  readonly #pending = new PendingWork();
  /** Why the repository at the root may be another one than was opened, or none; `undefined`: it is the one. */
  #rootDoubt: RootDoubt | undefined = "replaced";
  /** While a sweep runs. */
  #named: NamedPaths | undefined;

  #open: OpenTree | undefined;
  /** The file system's name, when it does not report changes. */
  #eventless: string | undefined;
  #closed = false;
  /** Directories of which was said that something in them is left out. */
  readonly #warned = new Set<string>();

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#top = options.top ?? options.root;
    this.#names = options.names ?? new NameWatches();
    this.watcher = new DirectoryWatcher({
      root: options.root,
      names: this.#names,
      onPath: (path, replaced) => this.#onPath(path, replaced),
      onOverflow: () => this.#lookAtEverything(),
    });
    this.#reporter = new StateReporter(options.root, options);
    this.#rootWatch = new RootWatch({
      names: this.#names,
      root: options.root,
      top: this.#top,
      onDoubt: (doubt) => {
        this.#doubtRoot(doubt);
        this.#timer.wake();
      },
      onOverflow: () => this.#lookAtEverything(),
    });
    this.#run = coalesce(() => this.#pass());
    this.#timer = new PassTimer({
      clock: this.#clock,
      hold: (now) => this.#open?.hold(now) ?? 0,
      run: () => this.#run().catch((error: unknown) => options.logger.error({ err: error }, "a pass was lost")),
    });
    this.#sweeper = new Sweeper({
      clock: this.#clock,
      isPolled: () => this.#health() !== "",
      sweep: () => this.#sweep(),
      onClockJump: () => this.#lookAtEverything(),
    });
  }

  /** The last state; `undefined` before the first and while the tree is gone. */
  get state(): TreeState | undefined {
    return this.#reporter.state;
  }

  /** How the tree differs from its HEAD, for the tree that it is a submodule of. */
  get modifications(): Modifications {
    return this.#reporter.modifications;
  }

  /** Whether the tree was looked for and is not there; one that cannot be read is in trouble, but not gone. */
  get gone(): boolean {
    return this.#open === undefined && this.#rootDoubt === undefined;
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
    this.#doubtRoot(this.#hasRoot() ? "contents" : "replaced");
    this.#pending.addWholeRepository();
    this.#pending.addEverything("sweep");
    await this.#open?.submodules.refresh();
    await this.#run();
    return this.#reporter.state;
  }

  close(): void {
    this.#closed = true;
    this.#sweeper.stop();
    this.#timer.close();
    this.#rootWatch.close();
    this.#leave();
  }

  #onPath(path: string, replaced: boolean): void {
    if (path === ".git") return; // the root watch's business
    this.#pending.addPath(path, replaced);
    this.#named?.add(path);
    this.#timer.wake();
  }

  /**
   * Looks at everything, and logs what differs although no event named it: a fault of the watcher. A tree that is
   * changing is left alone until the next time: its events are at work.
   */
  async #sweep(): Promise<void> {
    const before = this.#reporter.state;
    if (before === undefined || this.#timer.isScheduled) return;
    const named = new NamedPaths();
    this.#named = named;
    await this.refresh();
    // an event of a write that the sweep has seen is in the queue already: two turns deliver it
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
    this.#named = undefined;
    const after = this.#reporter.state;
    if (after === undefined || this.#health() !== "") return;
    for (const path of named.missing(before.files, after.files)) {
      this.#options.logger.warn({ path: textOfBytes(path) }, "the sweep found a change that no event told of");
    }
  }

  /** Says of each directory once that something in it is left out. */
  #warnOfTooDeep(directories: ReadonlySet<string>): void {
    for (const path of directories) {
      if (this.#warned.has(path) || this.#warned.size === MAX_WARNINGS) continue;
      this.#warned.add(path);
      this.#options.logger.warn({ path: textOfBytes(path) }, "left out what is deeper: its path is too long");
    }
  }

  #doubtRoot(doubt: RootDoubt): void {
    if (this.#rootDoubt !== "replaced") this.#rootDoubt = doubt;
  }

  #lookAtEverything(): void {
    this.#doubtRoot("contents");
    this.#pending.addEverything("relist");
    this.#pending.addWholeRepository();
    this.#timer.wake();
  }

  async #pass(): Promise<void> {
    if (this.#closed) return;
    const began = this.#clock.monotonicMs();
    const request = this.#pending.take();
    try {
      if (this.#rootDoubt !== undefined) this.#lookAtRoot(this.#rootDoubt);
      const open = this.#closed ? undefined : this.#open;
      if (open !== undefined) {
        const { diff } = open;
        const filesBefore = diff.files;
        const changes = await open.pass(request);
        if (this.#closed) return;
        this.#warnOfTooDeep(diff.tooDeep);
        this.#report({ diff, filesBefore, changes });
        if (diff.changedWhileRead.size > 0) this.#timer.runAgain();
      }
      this.#timer.passed(began);
    } catch (error) {
      this.#pending.putBack(request);
      this.#reporter.failed(error instanceof TreewireError ? error.code : "TW_TREE_UNREADABLE", messageOf(error));
      if (!this.#hasRoot()) this.#doubtRoot("replaced");
      this.#timer.failed(began);
    }
  }

  /** Opens the repository at the root anew unless it is the one that is open, or finds that there is none. */
  #lookAtRoot(doubt: RootDoubt): void {
    this.#rootWatch.place();
    this.#rootDoubt = undefined;
    let repository: Repository | undefined;
    try {
      repository = openRepository(this.#top);
    } catch (error) {
      if (!isAbsence(error)) {
        this.#doubtRoot(doubt);
        throw error;
      }
    }
    // else an outer repository's directory, or the working tree has been put elsewhere
    if (repository?.root !== this.#options.root || repository.top !== this.#top) repository = undefined;
    const isSame = repository !== undefined && repository.identity === this.#open?.repository.identity;
    if (isSame && doubt === "contents") return;
    this.#leave();
    this.watcher.missing.count = 0;
    this.#eventless = repository && eventlessFileSystem(repository.root);
    if (repository !== undefined) {
      this.#open = this.#openTree(repository);
      return;
    }
    this.#reporter.gone();
  }

  #openTree(repository: Repository): OpenTree {
    const { logger, maxPatchBytes, keptPatchBytes } = this.#options;
    return new OpenTree({
      repository,
      watcher: this.watcher,
      names: this.#names,
      clock: this.#clock,
      budget: { maxPatchBytes, keptPatchBytes },
      followSubmodule: (path) => this.#followSubmodule(path),
      onSubmodule: (path) => this.#onPath(path, false),
      onOverflow: () => this.#lookAtEverything(),
      onEvent: (part, path) => {
        logger.trace({ change: part, path: textOfBytes(path) }, "repository changed");
        this.#pending.addRepositoryPart(part);
        this.#named?.addRepository();
        this.#timer.wake();
      },
      onOutdated: (part) => {
        this.#pending.addRepositoryPart(part);
        this.#timer.wake();
      },
    });
  }

  #followSubmodule(path: string): Tracker {
    const changed = (): void => this.#onPath(path, false);
    const root = String(fileSystemPath(this.#options.root, path));
    const listeners = { onState: changed, onModified: changed, onGone: changed };
    const { top: _top, ...options } = this.#options;
    return new Tracker({ ...options, names: this.#names, root, maxPatchBytes: 0, ...listeners });
  }

  #leave(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  /** Whether what was opened may still be there. */
  #hasRoot(): boolean {
    if (this.#open === undefined) return false;
    try {
      return statSync(join(this.#top, ".git"), { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      return systemCode(error) === "EACCES";
    }
  }

  #report(outcome: Omit<PassOutcome, "scannedAt" | "health">): void {
    const healthBefore = this.#reporter.state?.health ?? "";
    const health = this.#health();
    this.#reporter.passed({ ...outcome, scannedAt: this.#clock.wallMs(), health });
    if (health !== healthBefore) this.#sweeper.reschedule();
  }

  #health(): string {
    const { count, code } = this.watcher.missing;
    const seconds = Math.ceil(this.#sweeper.pollMs / 1000);
    if (this.#eventless !== undefined) return `polled every ${seconds} s: ${this.#eventless} does not report changes`;
    const missing = this.#rootWatch.missing ?? this.#open?.missing;
    if (missing === "bound" || code === "bound") {
      return `polled every ${seconds} s: settings are spread over more than ${MAX_DIRECTORIES} directories`;
    }
    if (count === 0 && missing === undefined) return "";
    return `polled every ${seconds} s: the limit of file watches is reached (${missing ?? code}), raise fs.inotify.max_user_watches`;
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof TreewireError && ["TW_NOT_A_REPOSITORY", "TW_PATH_NOT_FOUND"].includes(error.code);
}
