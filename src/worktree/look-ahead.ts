import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { FileRecords } from "./file-record.js";

/** Paths under one number: few enough that both threads end at about the same time, enough to be worth a message. */
const BATCH_NAMES = 512;

/** From an index of this many bytes on, of some 10,000 files, a second thread saves more than its start costs. */
const WORTH_INDEX_BYTES = 1024 * 1024;

/** What it makes is garbage at once: the fewer collections, the better, and the memory goes with the thread. */
const YOUNG_GENERATION_MB = 24;

/** Bytes in front of the records: the batch's {@link BatchState}, padded to a double. */
export const HEADER_BYTES = 8;

/** Where a batch stands; moved by compare-and-exchange, so that only one thread works on it. */
export const BatchState = { asked: 0, begun: 1, done: 2, withdrawn: 3 } as const;

/** To the thread that looks ahead. */
export interface Question {
  /** Bytes: a {@link BatchState}, then a row of {@link FileRecords} for each name, in their order. */
  readonly answers: SharedArrayBuffer;
  /** Directories, separated by two NULs: `/` and the byte path, then each of its names behind a NUL. */
  readonly text: string;
}

/** The names of one directory that were handed over, and whatever the asker wants to have back with them. */
interface Part<T> {
  readonly asker: T;
  /** Row of the first name. */
  readonly start: number;
}

interface Batch<T> {
  readonly parts: Part<T>[];
  readonly state: Int32Array;
  readonly records: FileRecords;
}

/** Looks at one name by its place among those that were asked. `undefined`: unknown, look yourself. */
export type Answers = (position: number) => FileRecords | undefined;

/**
 * A second thread that calls `lstat` on names of directories that this thread has listed, while this one goes on
 * listing: on a tree of 80,000 files, `lstat` is half of the first scan's time. What it has not begun is taken back
 * when there is nothing else to do. Short-lived: it costs memory.
 */
export class LookAhead<T> {
  readonly #worker: Worker;
  readonly #batches: Batch<T>[] = [];
  #parts: Part<T>[] = [];
  #texts: string[] = [];
  #names = 0;
  #failed = false;

  /** @param root absolute path @param indexBytes of the index file @returns `undefined` where it would be no gain */
  static start<T>(root: string, indexBytes: number): LookAhead<T> | undefined {
    return indexBytes < WORTH_INDEX_BYTES || availableParallelism() < 2 ? undefined : new LookAhead(root);
  }

  private constructor(root: string) {
    this.#worker = new Worker(new URL("./look-ahead-worker.js", import.meta.url), {
      workerData: root,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#worker.unref();
    // what it had begun is looked at by the asker
    this.#worker.on("error", () => {
      this.#failed = true;
    });
  }

  /** Hands over names of a directory. @param path byte path of it @param names at least one @param asker comes back with the answers */
  ask(path: string, names: readonly string[], asker: T): void {
    this.#parts.push({ asker, start: this.#names });
    this.#texts.push(`/${path}\0${names.join("\0")}`);
    this.#names += names.length;
    if (this.#names >= BATCH_NAMES) this.#send();
  }

  /** What was asked first, if it is answered. */
  takeAnswered(): { askers: T[]; answers: Answers[] } | undefined {
    const [batch] = this.#batches;
    if (batch === undefined || Atomics.load(batch.state, 0) !== BatchState.done) return undefined;
    this.#batches.shift();
    return taken(batch, (start) => (position) => batch.records.at(start + position));
  }

  /**
   * What is left: answered, or taken back unanswered; when the other thread has begun all of it, waits for it.
   * @param waitMs milliseconds
   * @returns `undefined` when nothing is left, `[]` when the wait was not long enough
   */
  takeRest(waitMs: number): { askers: T[]; answers: Answers[] } | undefined {
    if (this.#names > 0) this.#send();
    const answered = this.takeAnswered();
    if (answered !== undefined) return answered;
    const last = this.#batches.at(-1);
    if (last === undefined) return undefined;
    const withdrawn = Atomics.compareExchange(last.state, 0, BatchState.asked, BatchState.withdrawn);
    if (withdrawn === BatchState.asked || (withdrawn === BatchState.begun && this.#failed)) {
      this.#batches.pop();
      return taken(last, () => () => undefined);
    }
    const [first] = this.#batches;
    if (first !== undefined) Atomics.wait(first.state, 0, BatchState.begun, waitMs);
    return this.takeAnswered() ?? { askers: [], answers: [] };
  }

  /** Everybody whose names are not answered. */
  askers(): T[] {
    return [...this.#batches.flatMap(({ parts }) => parts), ...this.#parts].map(({ asker }) => asker);
  }

  /** Ends the thread. */
  close(): void {
    this.#worker.terminate().catch(() => {});
  }

  #send(): void {
    const answers = new SharedArrayBuffer(HEADER_BYTES + this.#names * FileRecords.ROW_BYTES);
    const records = new FileRecords(new Float64Array(answers, HEADER_BYTES));
    this.#batches.push({ parts: this.#parts, state: new Int32Array(answers, 0, 1), records });
    const question: Question = { answers, text: this.#texts.join("\0\0") };
    this.#worker.postMessage(question);
    this.#parts = [];
    this.#texts = [];
    this.#names = 0;
  }
}

function taken<T>({ parts }: Batch<T>, answersFrom: (start: number) => Answers): { askers: T[]; answers: Answers[] } {
  return { askers: parts.map(({ asker }) => asker), answers: parts.map(({ start }) => answersFrom(start)) };
}
