import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { SharedTable } from "../../git/index.js";
import { packagePath } from "../../util/index.js";
import type { IndexDirectory } from "./index-tree.js";

/** From an index of this many bytes on, of some 10,000 files, a second thread saves more than its start costs. */
const WORTH_INDEX_BYTES = 1024 * 1024;

/** What it makes is garbage at once: the fewer collections, the better, and the memory goes with the thread. */
const YOUNG_GENERATION_MB = 24;

/** Where a directory stands; moved by compare-and-exchange, so that only one thread judges it. */
export const CheckState = { pending: 0, claimed: 1, unchanged: 2, changed: 3 } as const;

/** What both threads write to. */
export interface SharedProgress {
  /** One element: how many directories, from the first on, may be judged. */
  readonly covered: Int32Array;
  /** A {@link CheckState} for each directory. */
  readonly states: Int32Array;
  /** See {@link Proofs}: by position of the index. */
  readonly unchangedEntries: Uint8Array;
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

/** A desk that threads can share. */
export function makeSharedProgress(directories: number, entries: number): SharedProgress {
  return {
    covered: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    states: new Int32Array(new SharedArrayBuffer(directories * Int32Array.BYTES_PER_ELEMENT)),
    unchangedEntries: new Uint8Array(new SharedArrayBuffer(entries)),
  };
}

/**
 * A second thread that judges directories from the first on, while this one covers them and then judges from the last
 * on: on a tree of 80,000 files, that is half of the first scan's time. Short-lived: it costs memory.
 */
export class CheckThread {
  readonly #worker: Worker;
  #ended = false;

  /**
   * Starts the thread, which waits for its assignment.
   * @param root absolute path @param indexBytes of the index file @returns `undefined` where it would be no gain
   */
  static start(root: string, indexBytes: number): CheckThread | undefined {
    return indexBytes < WORTH_INDEX_BYTES || availableParallelism() < 2 ? undefined : new CheckThread(root);
  }

  private constructor(root: string) {
    this.#worker = new Worker(packagePath("dist/bin/check-thread.js"), {
      workerData: root,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#worker.unref();
    // what it had begun is judged by the asker
    this.#worker.on("error", () => {
      this.#ended = true;
    });
  }

  /** Whether the thread has died or was ended: what it had begun stays begun. */
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
