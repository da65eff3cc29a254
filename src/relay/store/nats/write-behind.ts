import type { Clock, Logger } from "../../../util/index.js";
import { troubleOf } from "../trouble.js";

/** So many writes are out at a time. */
const AT_ONCE = 16;
/** So many wait at most; then the oldest goes. */
const MAX_WAITING = 10_000;
/** How long until what the store did not take is tried again, in milliseconds. */
const RETRY_MS = 1_000;

/** Writes that nobody waits for: agents say again what is lost of them. Of each key the newest counts. */
export class WriteBehind {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #waiting = new Map<string, () => Promise<void>>();
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

  /** Writes soon, and again until the store takes it. @param key a write that waits gives way to a newer one of the same */
  later(key: string, write: () => Promise<void>): void {
    this.#waiting.delete(key); // it goes to the end
    this.#waiting.set(key, write);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MAX_WAITING) break;
      this.#waiting.delete(oldest);
    }
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
    for (const [key, write] of this.#waiting) {
      if (this.#running.size >= AT_ONCE) return;
      if (this.#running.has(key)) continue; // one after the other
      this.#waiting.delete(key);
      this.#running.set(key, this.#run(key, write));
    }
  }

  async #run(key: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (thrown) {
      if (troubleOf(thrown) === undefined) this.#log.error({ err: thrown }, "a write that had waited failed");
      else {
        if (!this.#waiting.has(key)) this.#waiting.set(key, write);
        this.#holdUp();
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
