import { systemCode } from "../errors.js";

/** Where lines go: a descriptor, or what stands for one in tests. */
export interface LineOutput {
  /**
   * Writes as much as fits without waiting.
   *
   * @returns how many bytes were written
   * @throws the system's error; `EAGAIN` when nothing fits
   */
  writeNow(bytes: Uint8Array): number;
  /**
   * Writes in the background. It is there for what can only be written by waiting for it: a file, whose disk may be slow. The
   * process may end before `done` is called; the bytes are written all the same.
   */
  writeLater?(bytes: Uint8Array, done: (error: Error | null, written: number) => void): void;
}

export interface LineBufferOptions {
  /** Lines that wait, at most, and the bytes of their text. */
  maxLines?: number;
  maxBytes?: number;
  /** Runs something after so many milliseconds, which keeps no process alive. */
  after?: (delayMs: number, run: () => void) => void;
}

/** The most that waits; docs/operating.md, "The log". */
const MAX_LINES = 4_096;
const MAX_BYTES = 1024 * 1024;
/** Bytes that are written in one go. */
const BATCH_BYTES = 64 * 1024;
/** How long it is waited, in milliseconds, after an output took nothing: at first, and at most. */
const FIRST_RETRY_MS = 20;
const MAX_RETRY_MS = 1_000;
/** How often an output is asked again while the process ends. Milliseconds. */
const FLUSH_RETRY_MS = 5;

/**
 * Lines on their way to an output that may take none for a while: a pipe whose reader has stopped, a paused terminal, a full
 * disk. Writing one never waits and never fails. Those that can't be written wait, within a bound; then the oldest are
 * dropped, and as soon as lines are taken again the first says how many are missing. A line is never cut.
 */
export class LineBuffer {
  readonly #output: LineOutput;
  readonly #maxLines: number;
  readonly #maxBytes: number;
  readonly #after: (delayMs: number, run: () => void) => void;
  readonly #lines: Buffer[] = [];
  /** Of {@link #lines}. */
  #bytes = 0;
  #dropped = 0;
  /** What is being written: whole lines, of which the first may have been begun. They are no longer dropped. */
  #batch: Uint8Array = Buffer.alloc(0);
  #state: "idle" | "writing" | "waiting" = "idle";
  #retryMs = FIRST_RETRY_MS;
  /** Makes the line, with its end, that says how many were dropped before it. */
  describeDropped = (count: number): string => `${count} lines were dropped here: nothing could be written\n`;

  constructor(output: LineOutput, options: LineBufferOptions = {}) {
    this.#output = output;
    this.#maxLines = options.maxLines ?? MAX_LINES;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#after = options.after ?? ((delayMs, run) => void setTimeout(run, delayMs).unref());
  }

  /** Writes it now or later. @param text lines, each with its end */
  write(text: string): void {
    const line = Buffer.from(text);
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#state === "idle") this.#drain();
    while (this.#lines.length > this.#maxLines || this.#bytes > this.#maxBytes) {
      this.#bytes -= this.#lines.shift()?.length ?? 0;
      this.#dropped += 1;
    }
  }

  /** Writes what it can before the process ends. @param withinMs how long an output that takes nothing is waited for */
  flush(withinMs: number): void {
    // a thread has it, and the process waits for its threads
    if (this.#state === "writing") this.#batch = Buffer.alloc(0);
    this.#state = "waiting";
    const end = performance.now() + withinMs;
    while (this.#fillBatch()) {
      try {
        this.#wrote(this.#output.writeNow(this.#batch));
      } catch (error) {
        if (systemCode(error) !== "EAGAIN" || performance.now() > end) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FLUSH_RETRY_MS);
      }
    }
  }

  #drain(): void {
    while (this.#fillBatch()) {
      if (this.#output.writeLater !== undefined) {
        this.#state = "writing";
        this.#output.writeLater(this.#batch, (error, written) => {
          if (error === null) {
            this.#wrote(written);
            this.#drain();
          } else this.#wait();
        });
        return;
      }
      try {
        this.#wrote(this.#output.writeNow(this.#batch));
      } catch {
        this.#wait();
        return;
      }
    }
    this.#state = "idle";
  }

  #wait(): void {
    this.#state = "waiting";
    this.#after(this.#retryMs, () => this.#drain());
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }

  #wrote(count: number): void {
    this.#batch = this.#batch.subarray(count);
    if (count > 0) this.#retryMs = FIRST_RETRY_MS;
  }

  /** @returns whether there is anything to write */
  #fillBatch(): boolean {
    if (this.#batch.length > 0) return true;
    if (this.#dropped > 0) {
      const note = this.describeDropped(this.#dropped);
      this.#dropped = 0;
      this.#batch = Buffer.from(note);
      return true;
    }
    let count = 0;
    for (let size = 0; count < this.#lines.length; count += 1) {
      size += this.#lines[count]?.length ?? 0;
      if (count > 0 && size > BATCH_BYTES) break;
    }
    const lines = this.#lines.splice(0, count);
    const [first] = lines;
    if (first === undefined) return false;
    this.#batch = lines.length === 1 ? first : Buffer.concat(lines);
    this.#bytes -= this.#batch.length;
    return true;
  }
}
