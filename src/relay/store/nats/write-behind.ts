import type { Clock, Logger } from "../../../util/index.js";
import { troubleOf } from "../trouble.js";
import { type WaitingWrite, WaitingWrites } from "../waiting-writes.js";

/** So many writes are out at a time. */
const AT_ONCE = 16;
/** How long until what the store did not take is tried again, in milliseconds. */
const RETRY_MS = 1_000;

interface Waiting extends WaitingWrite {
  write(): Promise<void>;
}

/** Writes that nobody waits for: agents say again what is lost of them. Of each key the newest counts. */
export class WriteBehind {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #waiting = new WaitingWrites<Waiting>();
  readonly #running = new Map<string, Promise<void>>();
  #cancelRetry: (() => void) | undefined;
  #isClosed = false;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether a write of this key waits, or is under way. */
  has(key: string): boolean {
    return this.#waiting.has(key) || this.#running.has(key);
  }

  /**
   * Writes soon, and again until the store takes it.
   *
   * @param key a write that waits gives way to a newer one of the same
   * @param write `owner`: whose it is; when too many wait, those go of who has the most. `dropped` is called when it is given up
   */
  later(key: string, write: Waiting): void {
    this.#waiting.append(key, write);
    this.#start();
  }

  /** A write of this key that waits has become needless. */
  forget(key: string): void {
    this.#waiting.delete(key);
  }

  /** Resolves when all is written, or the store takes no more for now. @param isOver asked now and then: there is no more time */
  async flush(isOver: () => boolean): Promise<void> {
    while (this.#running.size > 0 && !isOver()) await Promise.race(this.#running.values());
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    const lost = this.#waiting.size + this.#running.size;
    if (lost > 0) this.#log.warn({ lost }, "the store took no more writes");
  }

  #start(): void {
    if (this.#isClosed || this.#cancelRetry !== undefined) return;
    for (const [key, job] of this.#waiting) {
      if (this.#running.size >= AT_ONCE) return;
      if (this.#running.has(key)) continue; // one after the other
      this.#waiting.delete(key);
      this.#running.set(key, this.#run(key, job));
    }
  }

  async #run(key: string, job: Waiting): Promise<void> {
    try {
      await job.write();
    } catch (thrown) {
      if (troubleOf(thrown) !== undefined) {
        if (!this.#waiting.has(key)) this.#waiting.append(key, job);
        this.#holdUp();
      } else {
        this.#log.error({ err: thrown }, "a write that had waited failed");
        if (!this.#waiting.has(key)) job.dropped();
      }
    }
    this.#running.delete(key);
    this.#start();
  }

  #holdUp(): void {
    if (this.#isClosed) return;
    this.#cancelRetry ??= this.#clock.after(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      this.#start();
    });
  }
}
