import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { SharedTable } from "../../git/index.js";
import { packagePath } from "../../util/index.js";
import type { UnchangedEntries } from "./directory-check.js";
import type { IndexDirectory } from "./index-tree.js";
import type { SharedListings } from "./known-listings.js";

/** From an index of this many bytes on, of some 10,000 files, a second thread saves more than its start costs. */
const WORTH_INDEX_BYTES = 1024 * 1024;

/** All that the thread allocates is garbage at once: few collections cost least, and its memory goes with it. */
const YOUNG_GENERATION_MB = 24;

/** How far the check of a directory is; moved by compare-and-exchange, so that only one thread checks it. */
export const CheckState = { pending: 0, claimed: 1, unchanged: 2, changed: 3 } as const;

/** What both threads write to. */
export interface SharedProgress {
  /** One element: how many directories, from the first on, are covered and may be checked. */
  readonly covered: Int32Array;
  /** A {@link CheckState} for each directory. */
  readonly states: Int32Array;
  /** By position of the index. */
  readonly unchangedEntries: UnchangedEntries;
  /** By directory. `undefined`: all are listed. */
  readonly listings: SharedListings | undefined;
}

/** To the second thread. */
export interface Assignment {
  readonly table: SharedTable;
  readonly progress: SharedProgress;
  /** Byte paths of the directories, with a NUL between them. */
  readonly paths: string;
  /** For each directory: how many are directly below, and where its runs end among `runs`. */
  readonly children: Int32Array;
  readonly runEnds: Int32Array;
  readonly runs: Int32Array;
}

/** Progress in memory that threads can share: no directory is covered, none is checked. */
export function makeSharedProgress(directories: number, entries: number, listings?: SharedListings): SharedProgress {
  return {
    covered: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    states: new Int32Array(new SharedArrayBuffer(directories * Int32Array.BYTES_PER_ELEMENT)),
    unchangedEntries: new Uint8Array(new SharedArrayBuffer(entries)),
    listings,
  };
}

/** What an initial scan asks of the thread that helps it. */
export interface SecondThread {
  /** Whether the thread has died or was ended: what it has claimed stays claimed. */
  readonly ended: boolean;
  /** Hands it the directories, of which it checks those that are covered. */
  assign(table: SharedTable, progress: SharedProgress, directories: readonly IndexDirectory[]): void;
}

/**
 * A second thread that checks directories from the first on, while this one covers them and then checks from the last
 * on: on a tree of 80,000 files, that is half of the first scan's time. Short-lived: it costs memory.
 */
export class CheckThread implements SecondThread {
  readonly #worker: Worker;
  #ended = false;

  /**
   * Starts the thread, which waits for its assignment.
   * @param root absolute path @param indexBytes of the index file @returns `undefined` where it would be no gain
   */
  static start(root: string, indexBytes: number): CheckThread | undefined {
    return indexBytes < WORTH_INDEX_BYTES || availableParallelism() < 2 ? undefined : new CheckThread(root);
  }

  /** @param root absolute path @param program what the thread runs; another one than check-worker for tests alone */
  constructor(root: string, program: string | URL = packagePath("dist/bin/check-thread.cjs")) {
    this.#worker = new Worker(program, {
      workerData: root,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#worker.unref();
    // the scan checks itself what a dead thread has claimed
    const onEnd = (): void => {
      this.#ended = true;
    };
    this.#worker.on("error", onEnd).on("exit", onEnd);
  }

  get ended(): boolean {
    return this.#ended;
  }

  assign(table: SharedTable, progress: SharedProgress, directories: readonly IndexDirectory[]): void {
    const runs = directories.flatMap((directory) => directory.runs);
    const runEnds = new Int32Array(directories.length);
    let end = 0;
    for (const [at, directory] of directories.entries()) {
      end += directory.runs.length;
      runEnds[at] = end;
    }
    const assignment: Assignment = {
      table,
      progress,
      paths: directories.map(({ path }) => path).join("\0"),
      children: Int32Array.from(directories, ({ children }) => children.length),
      runEnds,
      runs: Int32Array.from(runs),
    };
    this.#worker.postMessage(assignment);
  }

  /** Ends the thread. */
  close(): void {
    this.#ended = true;
    this.#worker.terminate().catch(() => {});
  }
}
