import type { Repository } from "../../git/index.js";
import { bytesOfText, fileSystemPath, textOfBytes } from "../../git/index.js";
import type { WantedComparison } from "../../protocol/index.js";
import { type Clock, coalesce, messageOf, systemClock, TreewireError } from "../../util/index.js";
import type { PassRequest } from "../patches/pass-request.js";
import type { Modifications } from "../patches/submodules.js";
import type { TreeLogger, TreeState } from "../types.js";
import { createNames, createWatcher } from "../watch/create-watcher.js";
import { eventlessWithin } from "../watch/eventless-file-systems.js";
import type { FileWatchBudget } from "../watch/file-watch-budget.js";
import { areNested, isAtOrBelow, type MountTable, systemMounts } from "../watch/mount-table.js";
import type { NameWatches } from "../watch/name-watches.js";
import { type RootDoubt, RootWatch } from "../watch/root-watch.js";
import type { TreeWatcher } from "../watch/tree-watcher.js";
import { defaultWatcher, type WatcherKind } from "../watch/watcher-kinds.js";
import { coverageText } from "./health.js";
import { OpenTree } from "./open-tree.js";
import { PassTimer } from "./pass-timer.js";
import { PendingWork } from "./pending-work.js";
import { type CatchUp, Refresher } from "./refresh.js";
import { isRefusal, RootPlace, type RootPlaceOptions } from "./root-place.js";
import { SettlingFiles } from "./settling-files.js";
import { type PassOutcome, StateReporter, type TrackerEvents } from "./state-reporter.js";
import { Sweeper } from "./sweeper.js";
import { TooDeepWarnings } from "./too-deep-warnings.js";
import { UnaskedLook } from "./unasked-look.js";

export interface TrackerOptions extends TrackerEvents, RootPlaceOptions {
  /** Where events come from. Default: as the platform has it. */
  watcher?: WatcherKind;
  /** Watches on names in directories that trees have in common, of that kind. Default: nobody shares them. */
  names?: NameWatches;
  logger: TreeLogger;
  maxPatchBytes: number;
  keptPatchBytes: number;
  clock?: Clock;
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
  readonly watcher: TreeWatcher;
  readonly #options: TrackerOptions;
  readonly #clock: Clock;
  readonly #place: RootPlace;
  readonly #names: NameWatches;
  readonly #rootWatch: RootWatch;
  readonly #run: () => Promise<void>;
  readonly #timer: PassTimer;
  readonly #sweeper: Sweeper;
  readonly #refresher: Refresher;
  readonly #unasked: UnaskedLook;
  readonly #settling: SettlingFiles;
  readonly #mounts: Pick<MountTable, "points" | "follow" | "look">;
  #leaveMounts: () => void = () => {};
  readonly #reporter: StateReporter;

  readonly #pending = new PendingWork();
  /** Why the repository at the root may be another one than was opened, or none; `undefined`: it is the one. */
  #rootDoubt: RootDoubt | undefined = "replaced";
  /** Whether the next pass takes all that is pending; one that runs while git is at work takes edits alone. */
  #isFullPassDue = true;
  #open: OpenTree | undefined;
  /** The file system's name, when it does not report changes. */
  #eventless: string | undefined;
  #closed = false;
  readonly #tooDeep: TooDeepWarnings;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#tooDeep = new TooDeepWarnings(options.logger);
    this.#place = new RootPlace(options);
    const kind = options.watcher ?? defaultWatcher();
    this.#names = options.names ?? createNames(kind);
    this.#mounts = options.mounts ?? systemMounts;
    this.watcher = createWatcher(kind, {
      root: options.root,
      names: this.#names,
      onPath: (path, replaced) => this.#onPath(path, replaced),
      onOverflow: () => this.#lookAtEverything(),
      onLost: () => this.#lookAtEverything("sweep"),
      mounts: this.#mounts,
      ...(options.fileWatches !== undefined && { fileWatches: options.fileWatches }),
    });
    this.#reporter = new StateReporter(options.root, options);
    this.#rootWatch = new RootWatch({
      names: this.#names,
      root: options.root,
      top: this.#place.top,
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
      run: () => this.#logLost(this.#runFull()),
      runHeld: () => {
        if (this.#open?.diff.isCurrent && this.#rootDoubt === undefined) this.#logLost(this.#run());
      },
    });
    this.#settling = new SettlingFiles({
      clock: this.#clock,
      look: (path) => {
        if (this.#open?.diff.isAsRead(path) === true) return;
        this.#pending.addPath(path, false);
        this.#timer.wakeForLook();
      },
    });
    this.#sweeper = new Sweeper({
      clock: this.#clock,
      delivery: () => (this.#coverage() === "" ? this.watcher.delivery : "none"),
      hold: (now) => this.#open?.hold(now) ?? 0,
      sweep: () => this.#sweep(),
      onClockJump: () => this.#lookAtEverything(),
    });
    this.#unasked = new UnaskedLook({
      logger: options.logger,
      state: () => this.#reporter.state,
      isQuiet: () => !this.#timer.isScheduled,
      isCovered: () => this.watcher.delivery === "prompt" && this.#health() === "",
      look: () => this.#refresher.look(),
    });
    this.#refresher = new Refresher({
      clock: this.#clock,
      drained: this.#names.queue.drained,
      isCovered: () => this.watcher.delivery === "prompt" && !this.gone && this.#coverage() === "",
      diff: () => (this.#closed ? undefined : this.#open?.diff),
      submodules: async (how) => this.#open?.submodules.catchUp(how),
      pass: () => this.#runFull(),
      doubtEverything: () => this.#doubtEverything("sweep", this.#hasRoot() ? "contents" : "replaced"),
      hold: (now) => this.#open?.hold(now) ?? 0,
      lookBehind: options.sweep === false ? undefined : () => this.#unasked.run(),
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

  /** Keeps just these comparisons true beside the diff against HEAD. */
  compare(wanted: readonly WantedComparison[]): void {
    this.#reporter.compared.want(wanted, this.#open);
    this.#timer.wake();
  }

  /** Begins to follow. @returns when the first state is known, or the tree is known to be gone */
  async start(): Promise<void> {
    this.#leaveMounts = this.#mounts.follow((points) => this.#onMounts(points));
    await this.#run();
    if (this.#options.sweep !== false && !this.#closed) this.#sweeper.start();
  }

  /**
   * A barrier; see {@link Refresher}. What raised no event is looked for behind the answer.
   * @returns the state that covers every write that was finished before the call; `undefined` when the tree is gone
   */
  async refresh(): Promise<TreeState | undefined> {
    await this.#refresher.catchUp("events");
    this.#refresher.lookBehind();
    return this.#reporter.state;
  }

  /** The same for the tree that this one is a submodule of, which sees to the looks behind answers. */
  catchUp(how: CatchUp): Promise<void> {
    return this.#refresher.catchUp(how);
  }

  close(): void {
    this.#closed = true;
    this.#sweeper.stop();
    this.#refresher.close();
    this.#settling.close();
    this.#leaveMounts();
    this.#timer.close();
    this.#rootWatch.close();
    this.#leave();
    this.watcher.close();
  }

  #runFull(): Promise<void> {
    this.#isFullPassDue = true;
    return this.#run();
  }

  #logLost(pass: Promise<void>): void {
    pass.catch((error: unknown) => this.#options.logger.error({ err: error }, "a pass was lost"));
  }

  #onPath(path: string, replaced: boolean): void {
    if (path === ".git") return; // the root watch's business
    this.#pending.addPath(path, replaced);
    this.#unasked.named?.add(path);
    this.#timer.wake();
  }

  /** Something was mounted or unmounted. @param points absolute byte paths */
  #onMounts(points: ReadonlySet<string>): void {
    const root = bytesOfText(this.#options.root);
    const deciding = [...this.#rootWatch.places(), ...(this.#open?.places() ?? [])];
    for (const point of points) {
      if (isAtOrBelow(root, point) || deciding.some((place) => areNested(place, point))) {
        this.#doubtRoot("replaced");
        this.#lookAtEverything();
      } else if (isAtOrBelow(point, root)) this.#onPath(point.slice(root.length + 1), true);
    }
    this.#eventless = eventlessWithin(this.#options.root, this.#mounts.points);
  }

  /**
   * The slow look at everything. A tree that is changing is left alone until the next time: its events are at work. So is
   * one that is gone, whose way is watched.
   */
  async #sweep(): Promise<void> {
    if (this.#coverage() === "" && (this.#reporter.state === undefined || this.#timer.isScheduled)) return;
    await this.#unasked.run();
  }

  #doubtRoot(doubt: RootDoubt): void {
    if (this.#rootDoubt !== "replaced") this.#rootDoubt = doubt;
  }

  #lookAtEverything(how: "sweep" | "relist" = "relist"): void {
    this.#doubtEverything(how, "contents");
    this.#timer.wake();
  }

  #doubtEverything(how: "sweep" | "relist", root: RootDoubt): void {
    this.#doubtRoot(root);
    this.#pending.addEverything(how);
    this.#pending.addWholeRepository();
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
      if (this.#rootDoubt !== undefined || !this.#place.isInPlace()) this.#lookAtRoot(this.#rootDoubt ?? "replaced");
      const open = this.#closed ? undefined : this.#open;
      if (open !== undefined) {
        const { diff } = open;
        const filesBefore = diff.files;
        const changes = await open.pass(request);
        if (this.#closed) return;
        if (!this.#place.isInPlace()) {
          this.#lookAtRoot("replaced"); // what was read may be of anywhere, and is not told
          this.#timer.runAgain();
          return;
        }
        this.watcher.passed();
        this.#tooDeep.warn(diff.tooDeep);
        for (const path of diff.takeYoungFiles()) this.#settling.add(path);
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

  /**
   * What can be told while git is at work. Git never writes into a file that is there: it removes the name and makes a
   * file anew. So a file that is still the same one was written by somebody else, and what was known of all others
   * goes on to be what is told. `undefined`: nothing, or it would take a look at others.
   */
  #takeEdits(): PassRequest | undefined {
    const diff = this.#open?.diff;
    if (diff?.isCurrent !== true || this.#rootDoubt !== undefined) return undefined;
    const request = this.#pending.takeEdits((path) => diff.isSameFile(path));
    return request.paths.size > 0 ? request : undefined;
  }

  /** Opens the repository at the root anew unless it is the one that is open, or finds that there is none. */
  #lookAtRoot(doubt: RootDoubt): void {
    this.#rootWatch.place();
    this.#rootDoubt = undefined;
    let repository: Repository | undefined;
    try {
      repository = this.#place.open();
    } catch (error) {
      if (isRefusal(error)) this.#reporter.failed(error.code, error.message);
      else {
        this.#doubtRoot(doubt);
        throw error;
      }
    }
    const isSame = repository !== undefined && repository.identity === this.#open?.repository.identity;
    if (isSame && doubt === "contents") return;
    this.#leave();
    this.watcher.restart();
    this.#eventless = repository && eventlessWithin(this.#options.root, this.#mounts.points);
    if (repository !== undefined) {
      this.#open = this.#openTree(repository);
      this.#reporter.compared.open(this.#open);
    } else this.#reporter.gone();
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
        this.#unasked.named?.addRepository();
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
    const { top: _top, allowed, ...options } = this.#options;
    const confined = allowed && { allowed: [...allowed, this.#options.root] };
    return new Tracker({ ...options, ...confined, names: this.#names, root, maxPatchBytes: 0, ...listeners });
  }

  #leave(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  /** Whether what was opened may still be there. */
  #hasRoot(): boolean {
    return this.#open !== undefined && this.#place.mayHoldRepository();
  }

  #report(outcome: Omit<PassOutcome, "scannedAt" | "health">): void {
    const healthBefore = this.#reporter.state?.health ?? "";
    const health = this.#health();
    this.#reporter.passed({ ...outcome, scannedAt: this.#clock.wallMs(), health });
    if (health !== healthBefore) this.#sweeper.reschedule();
  }

  /** What is not as it should be, in words. */
  #health(): string {
    return [this.#coverage(), this.#open?.notReady ?? ""].filter((text) => text !== "").join("; ");
  }

  /** Where there are no events, in words. */
  #coverage(): string {
    const { count, code } = this.watcher.missing;
    const refusals = [count > 0 ? code : undefined, this.#rootWatch.missing, this.#open?.unwatched];
    const unwatchedLinks = this.#open?.diff.unwatchedLinks ?? 0;
    const gaps = {
      eventless: this.#eventless,
      isUnwatched: this.watcher.delivery === "none",
      refusals,
      unwatchedLinks,
    };
    return coverageText(gaps, this.#sweeper.pollMs);
  }
}
