import { statSync } from "node:fs";
import { join } from "node:path";
import type { FilterPolicy, Repository } from "../../git/index.js";
import { bytesOfText, fileSystemPath, openRepository, realPathOf, textOfBytes } from "../../git/index.js";
import { type Clock, coalesce, messageOf, systemClock, systemCode, TreewireError } from "../../util/index.js";
import type { PassRequest } from "../patches/pass-request.js";
import type { Modifications } from "../patches/submodules.js";
import type { TreeLogger, TreeState } from "../types.js";
import { DirectoryWatcher } from "../watch/directory-watcher.js";
import { eventlessFileSystem } from "../watch/eventless-file-systems.js";
import type { FileWatchBudget } from "../watch/file-watch-budget.js";
import { areNested, isAtOrBelow, type MountTable, systemMounts } from "../watch/mount-table.js";
import { RootWatch } from "../watch/root-watch.js";
import { NamedPaths } from "./named-paths.js";
import { OpenTree } from "./open-tree.js";
import { PassTimer } from "./pass-timer.js";
import { PendingWork } from "./pending-work.js";
import { SettlingFiles } from "./settling-files.js";
import { type PassOutcome, StateReporter, type TrackerEvents } from "./state-reporter.js";
import { Sweeper } from "./sweeper.js";

/** How often one file may be read for a state. */
const READS_OF_A_FILE = 2;

const UNMODIFIED: Modifications = { tracked: false, untracked: false };

export interface TrackerOptions extends TrackerEvents {
  /** Absolute path of the working tree. */
  root: string;
  logger: TreeLogger;
  maxPatchBytes: number;
  keptPatchBytes: number;
  clock?: Clock;
  /** Whose filters are run. Default: the user's. */
  filters?: FilterPolicy;
  /**
   * Directories besides the root out of which the tree must not lead, whenever it is opened; it is gone when it does.
   * Default: it may lead anywhere.
   */
  allowed?: readonly string[];
  /** What is mounted where. Default: as this process sees it. */
  mounts?: Pick<MountTable, "points" | "follow" | "look">;
  /** How many files are watched by themselves. Default: as many as all trees of a thread may have. */
  fileWatches?: FileWatchBudget;
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
  readonly #rootWatch: RootWatch;
  readonly #run: () => Promise<void>;
  readonly #timer: PassTimer;
  readonly #sweeper: Sweeper;
  readonly #settling: SettlingFiles;
  readonly #mounts: Pick<MountTable, "points" | "follow" | "look">;
  #leaveMounts: () => void = () => {};
  readonly #reporter: StateReporter;

  readonly #pending = new PendingWork();
  /** Whether the repository at the root may be another one than was opened, or none. */
  #rootIsOutdated = true;
  /** Whether the next pass takes all that is pending; one that runs while git is at work takes edits alone. */
  #isFullPassDue = true;
  /** While a sweep runs. */
  #named: NamedPaths | undefined;

  #open: OpenTree | undefined;
  /** The file system's name, when it does not report changes. */
  #eventless: string | undefined;
  #closed = false;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#mounts = options.mounts ?? systemMounts;
    this.watcher = new DirectoryWatcher({
      root: options.root,
      onPath: (path, replaced) => this.#onPath(path, replaced),
      onOverflow: () => this.#lookAtEverything(),
      mounts: this.#mounts,
      ...(options.fileWatches !== undefined && { fileWatches: options.fileWatches }),
    });
    this.#reporter = new StateReporter(options.root, options);
    this.#rootWatch = new RootWatch(this.watcher, options.root, () => {
      this.#rootIsOutdated = true;
      this.#timer.wake();
    });
    this.#run = coalesce(() => this.#pass());
    this.#timer = new PassTimer({
      clock: this.#clock,
      hold: (now) => this.#open?.hold(now) ?? 0,
      run: () => {
        this.#isFullPassDue = true;
        this.#runPass();
      },
      runHeld: () => {
        if (this.#open?.diff.isCurrent && !this.#rootIsOutdated) this.#runPass();
      },
    });
    this.#settling = new SettlingFiles({
      clock: this.#clock,
      look: (path) => {
        this.#pending.addPath(path, false);
        this.#timer.wake();
      },
    });
    this.#sweeper = new Sweeper({
      clock: this.#clock,
      isPolled: () => this.#coverage() !== "",
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
    return this.#open?.diff.modifications ?? UNMODIFIED;
  }

  /** Whether the tree was looked for and is not there; one that cannot be read is in trouble, but not gone. */
  get gone(): boolean {
    return this.#open === undefined && !this.#rootIsOutdated;
  }

  /** Begins to follow. @returns when the first state is known, or the tree is known to be gone */
  async start(): Promise<void> {
    this.#leaveMounts = this.#mounts.follow((points) => this.#onMounts(points));
    await this.#run();
    if (this.#options.sweep !== false && !this.#closed) this.#sweeper.start();
  }

  /**
   * A barrier: looks at every file again, and waits for those that take long to be read.
   * @returns the state that covers every write that was finished before the call; `undefined` when the tree is gone
   */
  async refresh(): Promise<TreeState | undefined> {
    await this.#lookAgain();
    // a file may be read once for its id and once for its patch; what has changed since is not waited for
    for (let turn = 0; turn < READS_OF_A_FILE && !this.#closed; turn++) {
      const diff = this.#open?.diff;
      if (diff === undefined || diff.notReady.length === 0) break;
      await diff.readsSettled();
      await this.#run();
    }
    return this.#reporter.state;
  }

  async #lookAgain(): Promise<void> {
    this.#rootIsOutdated ||= !this.#hasRoot();
    this.#pending.addWholeRepository();
    this.#pending.addEverything("sweep");
    await this.#open?.submodules.refresh();
    this.#isFullPassDue = true;
    await this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#sweeper.stop();
    this.#settling.close();
    this.#leaveMounts();
    this.#timer.close();
    this.#rootWatch.close();
    this.#leave();
  }

  #runPass(): void {
    this.#run().catch((error: unknown) => this.#options.logger.error({ err: error }, "a pass was lost"));
  }

  #onPath(path: string, replaced: boolean): void {
    if (path === ".git") return; // the root watch's business
    this.#pending.addPath(path, replaced);
    this.#named?.add(path);
    this.#timer.wake();
  }

  /** Something was mounted or unmounted. @param points absolute byte paths */
  #onMounts(points: ReadonlySet<string>): void {
    const root = bytesOfText(this.#options.root);
    const repository = this.#open?.places().map((place) => bytesOfText(place)) ?? [];
    for (const point of points) {
      if (isAtOrBelow(root, point) || repository.some((place) => areNested(place, point))) {
        this.#rootIsOutdated = true;
        this.#lookAtEverything();
      } else if (isAtOrBelow(point, root)) this.#onPath(point.slice(root.length + 1), true);
    }
    this.#eventless = this.#findEventless();
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
    await this.#lookAgain();
    // an event of a write that the sweep has seen is in the queue already: two turns deliver it
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
    this.#named = undefined;
    const after = this.#reporter.state;
    if (after === undefined || this.#health() !== "") return;
    for (const path of named.missing(before.files, after.files)) {
      this.#options.logger.warn({ path: textOfBytes(path) }, "the sweep found a change that no event told of");
    }
  }

  #lookAtEverything(): void {
    this.#pending.addEverything("relist");
    this.#pending.addWholeRepository();
    this.#timer.wake();
  }

  async #pass(): Promise<void> {
    if (this.#closed) return;
    const began = this.#clock.monotonicMs();
    this.#mounts.look();
    const isFull = this.#isFullPassDue;
    this.#isFullPassDue = false;
    const request = isFull ? this.#pending.take() : this.#takeEdits();
    if (request === undefined) return;
    try {
      if (this.#rootIsOutdated || !this.#isInPlace()) await this.#lookAtRoot();
      const open = this.#closed ? undefined : this.#open;
      if (open !== undefined) {
        const { diff } = open;
        const filesBefore = diff.files;
        const changes = await open.pass(request);
        if (this.#closed) return;
        if (!this.#isInPlace()) {
          await this.#lookAtRoot(); // what was read may be of anywhere, and is not told
          this.#timer.runAgain();
          return;
        }
        for (const path of diff.takeYoungFiles()) this.#settling.add(path);
        this.#report({ diff, filesBefore, changes });
        if (diff.changedWhileRead.size > 0) this.#timer.runAgain();
      }
      this.#timer.passed(began);
    } catch (error) {
      this.#pending.putBack(request);
      this.#reporter.failed(error instanceof TreewireError ? error.code : "TW_TREE_UNREADABLE", messageOf(error));
      this.#rootIsOutdated ||= !this.#hasRoot();
      this.#timer.failed(began);
    }
  }

  /**
   * What can be told while git is at work. Git never writes into a file that is there: it removes the name and makes a
   * file anew. So a file that is still the same one was written by somebody else, and what was known of all others
   * goes on to be what is told. `undefined`: nothing, or it would take a look at others.
   */
  #takeEdits(): PassRequest | undefined {
    const diff = this.#open?.diff;
    if (diff?.isCurrent !== true || this.#rootIsOutdated) return undefined;
    const request = this.#pending.takeEdits((path) => diff.isSameFile(path));
    return request.paths.size > 0 ? request : undefined;
  }

  /** Opens the repository at the root anew, or finds that there is none. */
  async #lookAtRoot(): Promise<void> {
    const wasOpen = this.#open !== undefined;
    this.#rootWatch.place(!wasOpen);
    this.#rootIsOutdated = false;
    let repository: Repository | undefined;
    try {
      const { root, filters, allowed } = this.#options;
      repository = openRepository(root, process.env, filters, allowed && [...allowed, root]);
    } catch (error) {
      if (isRefusal(error)) this.#reporter.failed(error.code, error.message);
      else if (!isAbsence(error)) {
        this.#rootIsOutdated = true;
        throw error;
      }
    }
    if (repository?.root !== this.#options.root) repository = undefined; // an outer repository's directory
    this.#leave();
    this.watcher.missing.count = 0;
    this.#eventless = repository && this.#findEventless();
    if (repository !== undefined) {
      this.#open = this.#openTree(repository);
      if (!wasOpen) this.#rootWatch.place(false); // else the next git command would have it opened anew
      return;
    }
    this.#rootWatch.place(true);
    this.#reporter.gone();
  }

  /** The first file system at the root or below it that does not report changes. */
  #findEventless(): string | undefined {
    const root = bytesOfText(this.#options.root);
    const below = [...this.#mounts.points].filter((point) => point !== root && isAtOrBelow(point, root));
    for (const place of [this.#options.root, ...below.map((point) => Buffer.from(point, "latin1"))]) {
      const name = eventlessFileSystem(place);
      if (name !== undefined) return name;
    }
    return undefined;
  }

  #openTree(repository: Repository): OpenTree {
    const { logger, maxPatchBytes, keptPatchBytes } = this.#options;
    return new OpenTree({
      repository,
      watcher: this.watcher,
      clock: this.#clock,
      budget: { maxPatchBytes, keptPatchBytes },
      followSubmodule: (path) => this.#followSubmodule(path),
      onEvent: (part, path) => {
        logger.trace({ change: part, path }, "repository changed");
        this.#pending.addRepositoryPart(part);
        this.#named?.addRepository();
        this.#timer.wake();
      },
      onReady: () => this.#timer.wake(),
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
    const { allowed } = this.#options;
    const confined = allowed && { allowed: [...allowed, this.#options.root] };
    return new Tracker({ ...this.#options, ...confined, root, maxPatchBytes: 0, ...listeners });
  }

  #leave(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  /** Whether the root's path leads to itself: one that a link has come into may lead out of what may be shown. */
  #isInPlace(): boolean {
    const { root, allowed } = this.#options;
    return allowed === undefined || realPathOf(root) === root;
  }

  /** Whether what was opened may still be there. */
  #hasRoot(): boolean {
    if (this.#open === undefined) return false;
    try {
      return statSync(join(this.#options.root, ".git"), { throwIfNoEntry: false }) !== undefined;
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

  /** What is not as it should be, in words. */
  #health(): string {
    return [this.#coverage(), this.#open?.missing ?? ""].filter((text) => text !== "").join("; ");
  }

  /** Where there are no events, in words. */
  #coverage(): string {
    const { count, code } = this.watcher.missing;
    const seconds = Math.ceil(this.#sweeper.pollMs / 1000);
    if (this.#eventless !== undefined) return `polled every ${seconds} s: ${this.#eventless} does not report changes`;
    if (count > 0) {
      return `polled every ${seconds} s: the limit of file watches is reached (${code}), raise fs.inotify.max_user_watches`;
    }
    const links = this.#open?.diff.unwatchedLinks ?? 0;
    return links === 0 ? "" : `polled every ${seconds} s: too many files with several names (hard links) to be watched`;
  }
}

/** It leads elsewhere: what was shown of it is shown no more. */
function isRefusal(error: unknown): error is TreewireError {
  return error instanceof TreewireError && error.code === "TW_PATH_REFUSED";
}

function isAbsence(error: unknown): boolean {
  return error instanceof TreewireError && ["TW_NOT_A_REPOSITORY", "TW_PATH_NOT_FOUND"].includes(error.code);
}
