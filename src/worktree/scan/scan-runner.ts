import { CheckThread } from "./check-thread.js";
import type { TreeScan } from "./tree-scan.js";

/** How long a scan works before other events of the thread get a turn, in milliseconds. */
const SLICE_MS = 12;

/** Runs scans of one tree in slices of time, with a second thread where that is a gain. */
export class ScanRunner {
  readonly #root: string;
  readonly #indexBytes: () => number;
  #checkThread: CheckThread | undefined;

  /**
   * Starts the second thread for the first scan, so that it is there when the index is read.
   * @param root absolute path of the working tree @param indexBytes of the index file
   */
  constructor(root: string, indexBytes: () => number) {
    this.#root = root;
    this.#indexBytes = indexBytes;
    this.#checkThread = CheckThread.start(root, indexBytes());
  }

  /**
   * Examines paths and lists what waits in the scan, until nothing is left.
   * @param paths byte path → whether the name may stand for another file than before; loses what was examined
   */
  async run(scan: TreeScan, paths: Map<string, boolean>): Promise<void> {
    let deadline = performance.now() + SLICE_MS;
    const anew = new Set<string>();
    for (const [path, replaced] of paths) {
      scan.examine(path, replaced, anew);
      paths.delete(path);
      if (performance.now() > deadline) {
        await turn();
        deadline = performance.now() + SLICE_MS;
      }
    }
    if (scan.isNew) {
      this.#checkThread ??= CheckThread.start(this.#root, this.#indexBytes());
      scan.beginInitialScan(this.#checkThread);
    }
    try {
      while (!scan.step(deadline)) {
        await turn();
        deadline = performance.now() + SLICE_MS;
      }
    } finally {
      this.close();
    }
  }

  /** Ends the second thread. */
  close(): void {
    this.#checkThread?.close();
    this.#checkThread = undefined;
  }
}

/** Lets the thread's other events have a turn, those of the watcher among them. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
