import PQueue from "p-queue";
import type { SlowReading } from "../../git/index.js";
import { RACY_MS, type Stamp } from "../file-stamp.js";
import { NotReadyError, type ReadFile } from "./not-ready.js";

/** So many filter programs run at a time, and so many large files are hashed, for one tree. */
const AT_ONCE: Readonly<Record<SlowReading, number>> = { filter: 4, convert: 2, hash: 2 };

/**
 * A reading begins so long after it was asked for that the time stamps of a later write are others: what it finds can then be
 * told from what a later look sees. Milliseconds.
 */
const BEGINS_AFTER_MS = RACY_MS + 5;

type Outcome = { readonly file: ReadFile } | { readonly error: unknown };

interface Job {
  /** What it is for: once the file is another one, it is thrown away at its end. */
  readonly wanted: Stamp;
  outcome: Outcome | undefined;
  /** Some pass has used the outcome: the end of that pass drops it. */
  taken: boolean;
  outdated: boolean;
}

/**
 * Reads files beside the passes that may take long: a filter has to run for them, or many bytes to be hashed. A pass goes on
 * without them, and one that comes later takes what was found.
 *
 * ```
 * pass    [ slow? no ]      [ other file ]        [ slow: taken ]
 * read        [              slow                ]
 * ready                                          └▶ onReady
 * ```
 */
export class SlowReads {
  readonly #onReady: () => void;
  readonly #jobs = new Map<string, Job>();
  readonly #queues: Readonly<Record<SlowReading, PQueue>>;
  readonly #abort = new AbortController();
  readonly #ready = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #closed: Promise<void>;

  /** @param onReady some reading has ended, and a pass may take it */
  constructor(onReady: () => void) {
    this.#onReady = onReady;
    this.#closed = new Promise((resolve) => this.#abort.signal.addEventListener("abort", () => resolve()));
    const queue = (kind: SlowReading): PQueue => new PQueue({ concurrency: AT_ONCE[kind] });
    this.#queues = { filter: queue("filter"), convert: queue("convert"), hash: queue("hash") };
  }

  /** Whether nothing is being read. */
  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /**
   * What was read of a file as it is now; begins to read it if need be.
   *
   * @param wanted a look at the file that was just made
   * @param read looks at the file once more and reads it; must stop when the signal aborts
   * @throws NotReadyError, or what `read` threw
   */
  take(
    path: string,
    wanted: Stamp,
    how: { kind: SlowReading; read: (signal: AbortSignal) => Promise<ReadFile> },
  ): ReadFile {
    const job = this.#jobs.get(path);
    const outcome = job?.outcome;
    if (job !== undefined && outcome === undefined) {
      if (!isSameFile(job.wanted, wanted)) job.outdated = true;
      throw new NotReadyError(path);
    }
    if (job !== undefined && outcome !== undefined && !job.outdated) {
      if ("error" in outcome) {
        this.#jobs.delete(path);
        throw outcome.error;
      }
      if (isSameFile(outcome.file.stamp, wanted)) {
        job.taken = true;
        return outcome.file;
      }
    }
    this.#begin(path, wanted, how);
    throw new NotReadyError(path);
  }

  /** The paths whose reading has ended since the last call. */
  takeReady(): string[] {
    const paths = [...this.#ready];
    this.#ready.clear();
    return paths;
  }

  /** Settles when all that is being read now has been read, or after so many milliseconds. */
  async settled(limitMs?: number): Promise<void> {
    const all = Promise.race([Promise.all(this.#running), this.#closed]).then(() => {});
    if (limitMs === undefined) return all;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([all, limit]);
    clearTimeout(timer);
  }

  /** What was taken is not needed any more. */
  endPass(): void {
    for (const [path, { taken }] of this.#jobs) if (taken) this.#jobs.delete(path);
  }

  /** What is known of a path, or is being found out, goes for nothing. */
  forget(path: string): void {
    const job = this.#jobs.get(path);
    if (job !== undefined) job.outdated = true;
  }

  /** The same for all paths: how files are read has changed. */
  forgetAll(): void {
    for (const job of this.#jobs.values()) job.outdated = true;
  }

  /** Begins nothing more, and stops what can be stopped. */
  close(): void {
    this.#abort.abort();
    for (const queue of Object.values(this.#queues)) queue.clear();
    this.#jobs.clear();
  }

  #begin(
    path: string,
    wanted: Stamp,
    { kind, read }: { kind: SlowReading; read: (signal: AbortSignal) => Promise<ReadFile> },
  ): void {
    const { signal } = this.#abort;
    const askedAt = performance.now();
    const job: Job = { wanted, outcome: undefined, taken: false, outdated: false };
    this.#jobs.set(path, job);
    const run = this.#queues[kind]
      .add(async () => {
        const waitMs = askedAt + BEGINS_AFTER_MS - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        signal.throwIfAborted();
        return read(signal);
      })
      .then(
        (file) => ({ file }),
        (error: unknown) => ({ error }),
      )
      .then((outcome) => {
        this.#running.delete(run);
        job.outcome = outcome;
        if (signal.aborted) return;
        this.#ready.add(path);
        this.#onReady();
      });
    this.#running.add(run);
  }
}

function isSameFile(a: Stamp, b: Stamp): boolean {
  return (
    a.ino === b.ino && a.size === b.size && a.mode === b.mode && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs
  );
}
