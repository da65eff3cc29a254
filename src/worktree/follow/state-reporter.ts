import { textOfBytes } from "../../git/index.js";
import { diffFiles, type FileChanges, type TreeFile } from "../../protocol/index.js";
import { TreewireError } from "../../util/index.js";
import type { Modifications } from "../patches/submodules.js";
import type { TreeDiff } from "../patches/tree-diff.js";
import type { TreeState } from "../types.js";
import { type ComparedEvents, ComparedStates } from "./compared-states.js";

/** What a followed tree reports. All callbacks come from the event loop, never from inside a call. */
export interface TrackerEvents extends ComparedEvents {
  /**
   * The tree differs from the state before.
   * @param changes what leads from that state's files to these; from the empty list for the first state and for the
   *   first after {@link onGone}
   */
  onState(state: TreeState, changes: FileChanges): void;
  /** The root, its `.git`, or the target of a `.git` file is gone. It is followed again when it returns. */
  onGone(): void;
  /** How the tree differs from its HEAD is another answer than before, for the tree that it is a submodule of. */
  onModified?(): void;
  /** A passing failure: the last good state stands. Reported once for each message. */
  onTrouble(code: string, message: string): void;
}

/** What a pass has found. */
export interface PassOutcome {
  readonly diff: TreeDiff;
  /** The diff's files before the pass, and what leads from them to those after it. */
  readonly filesBefore: readonly TreeFile[];
  readonly changes: FileChanges;
  /** Milliseconds since 1970. */
  readonly scannedAt: number;
  /** "" when file events cover the tree and every file was read, else what is missing, in words. */
  readonly health: string;
}

const UNMODIFIED: Modifications = { tracked: false, untracked: false };

/** Remembers what was reported of one tree, and reports what differs from it. */
export class StateReporter {
  readonly #root: string;
  /** The same of the tree's comparisons. */
  readonly compared: ComparedStates;
  readonly #events: TrackerEvents;
  #state: TreeState | undefined;
  #modifications = UNMODIFIED;
  readonly #troubles = new Set<string>();

  /** @param root absolute path of the working tree */
  constructor(root: string, events: TrackerEvents) {
    this.#root = root;
    this.#events = events;
    this.compared = new ComparedStates(events);
  }

  /** The newest state; `undefined` before the first and while the tree is gone. */
  get state(): TreeState | undefined {
    return this.#state;
  }

  /** How the tree differs from its HEAD, as it was last reported; not at all while the tree is gone. */
  get modifications(): Modifications {
    return this.#modifications;
  }

  passed({ diff, filesBefore, changes, scannedAt, health }: PassOutcome): void {
    for (const { path, message, cause } of diff.troubles) {
      const refused = cause instanceof TreewireError && cause.code === "TW_PATH_REFUSED";
      const code = refused ? cause.code : "TW_PATH_UNREADABLE";
      this.failed(code, `${this.#root}/${textOfBytes(path)}: ${message}`);
    }
    if (diff.troubles.length === 0) this.#troubles.clear();
    const before = this.#state;
    const after: TreeState = {
      root: this.#root,
      head: diff.head.commit ?? "",
      branch: diff.head.branch,
      remoteOrigin: diff.remoteOrigin,
      scannedAt,
      health,
      files: diff.files,
    };
    this.#state = after;
    // the diff of a repository that was opened anew has begun with no files
    const isContinued = before === undefined || before.files === filesBefore;
    const reported = isContinued ? changes : diffFiles(before.files, after.files);
    if (before === undefined || reported.size > 0 || !isSameBesideFiles(before, after)) {
      this.#events.onState(after, reported);
    }
    this.compared.passed(after, diff.comparisons.outcomes);
    this.#reportModifications(diff.modifications);
  }

  /** The tree is not there. */
  gone(): void {
    if (this.#state === undefined) return;
    this.compared.gone();
    this.#state = undefined;
    this.#modifications = UNMODIFIED;
    this.#events.onGone();
  }

  /** @param code of the error registry @param message one line */
  failed(code: string, message: string): void {
    if (this.#troubles.has(message)) return;
    this.#troubles.add(message);
    this.#events.onTrouble(code, message);
  }

  #reportModifications(now: Modifications): void {
    const { tracked, untracked, filterNotRun } = this.#modifications;
    this.#modifications = now;
    const isSame = now.tracked === tracked && now.untracked === untracked && now.filterNotRun === filterNotRun;
    if (!isSame) this.#events.onModified?.();
  }
}

/** Whether two states say the same of everything but files, and the time at which they were taken. */
function isSameBesideFiles(a: TreeState, b: TreeState): boolean {
  return a.head === b.head && a.branch === b.branch && a.remoteOrigin === b.remoteOrigin && a.health === b.health;
}
