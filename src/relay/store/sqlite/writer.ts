import type Database from "libsql";
import { type Clock, type Logger, messageOf } from "../../../util/index.js";
import { StoreHealth } from "../health.js";
import { StoreUnavailableError, troubleOf } from "../trouble.js";
import { writeRelaxed } from "./database.js";
import { walSync } from "./wal-sync.js";

/** How long SQLite may wait for another process's lock while nothing else of the relay runs, in milliseconds. */
export const SERVE_BUSY_TIMEOUT_MS = 20;
/** How long after that a locked write is tried again, in milliseconds: nine tenths of the time are for everything else. */
const LOCKED_RETRY_MS = 200;
/** How long a write that is going to be acknowledged is tried against a lock, in milliseconds. */
const LOCKED_WAIT_MS = 5_000;
/** A lock that is held for longer than this is no command at work but a trouble. Milliseconds. */
const LOCK_PATIENCE_MS = 1_000;
/** How often writes are tried that the disk did not take, in milliseconds. */
const FAILED_RETRY_MS = 1_000;
/** So many writes wait at most; then the oldest goes. */
const MAX_WAITING = 10_000;
/** So many of those that wait go out between two turns of the loop. */
const BATCH = 200;
/** Or until this much time has passed, in milliseconds. */
const TURN_MS = 2;
/** For so many times what a turn took the loop is left to others, when there were long writes, which may come again. */
const PAUSE_SHARE = 19;
/** A turn that the disk held up does not let what waits lie for longer, in milliseconds. */
const MAX_PAUSE_MS = 500;
/** What the probe writes, in bytes: room for one page shows little. */
const PROBE_BYTES = 65_536;

/** A write that waits. */
interface Waiting {
  write: () => void;
  /** It takes longer than a turn of the loop should. */
  isLong: boolean;
}

/**
 * The server's writes, none of which holds up the event loop for longer than {@link SERVE_BUSY_TIMEOUT_MS}.
 *
 * - {@link durable}: will be acknowledged to a caller, so it happens or is refused.
 * - {@link relaxed}: what agents say again, so it may wait; the newest of each key counts.
 */
export class StoreWriter {
  readonly health: StoreHealth;
  readonly #db: Database.Database;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #sync: () => Promise<void>;
  readonly #probe: Database.Statement;
  readonly #waiting = new Map<string, Waiting>();
  #cancelRetry: (() => void) | undefined;
  /** Monotonic milliseconds: since when another process has let no write through. */
  #lockedSince: number | undefined;
  /** Monotonic milliseconds: before then others have the loop. */
  #nextTurnAt = 0;
  /** Settles when the durable write before is through: one at a time is tried against a lock. */
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** @param sync has on disk what was written before it was called */
  constructor(db: Database.Database, log: Logger, clock: Clock, sync = walSync(db)) {
    this.#db = db;
    this.#sync = sync;
    this.#log = log;
    this.#clock = clock;
    this.#probe = db.prepare(`insert or replace into probe (id, bytes) values (1, zeroblob(${PROBE_BYTES}))`);
    this.health = new StoreHealth(log, clock, () => {
      this.#probe.run();
      this.#written();
      this.#drain();
    });
  }

  /** Whether a write that may wait would have to. */
  get isBehind(): boolean {
    return this.#waiting.size > 0 || this.#lockedSince !== undefined || this.health.state.kind !== "ok";
  }

  /** Whether a write of this key waits. */
  waits(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** How many writes wait. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /**
   * Writes without waiting for the disk: now, or when the store takes it.
   *
   * @param key what is written: a write that waits gives way to a newer one of the same
   * @throws what is no trouble of the store
   */
  relaxed(key: string, write: () => void): void {
    if (!this.isBehind) {
      try {
        writeRelaxed(this.#db, write);
        return;
      } catch (thrown) {
        if (!this.failed(thrown)) throw thrown;
      }
    }
    this.#defer(key, { write, isLong: false });
  }

  /**
   * Writes what takes long, when others have had their turn.
   *
   * @param key as of {@link relaxed}
   */
  later(key: string, write: () => void): void {
    this.#defer(key, { write, isLong: true });
  }

  #defer(key: string, waiting: Waiting): void {
    this.#waiting.delete(key); // it goes to the end
    this.#waiting.set(key, waiting);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MAX_WAITING) break;
      this.#waiting.delete(oldest);
    }
    this.#schedule();
  }

  /** A write of this key that waits has become needless. */
  forget(key: string): void {
    this.#waiting.delete(key);
  }

  /**
   * Writes what will be acknowledged, and waits for a lock of another process and for the disk without holding up anybody.
   * Others may read what was written before it is acknowledged.
   *
   * @param write checks and writes, in one turn; called again after a lock
   * @throws what `write` throws, a lock that is held for over 5 s among it; a {@link StoreUnavailableError} when it is written,
   *   and not known to be on disk
   */
  async durable<T>(write: () => T): Promise<T> {
    const result = await this.#inTurn(write);
    await this.#sync();
    return result;
  }

  async #inTurn<T>(write: () => T): Promise<T> {
    const deadline = this.#clock.monotonicMs() + LOCKED_WAIT_MS;
    const before = this.#turn;
    let pass = () => {};
    this.#turn = new Promise((resolve) => {
      pass = resolve;
    });
    await before;
    let locked: unknown;
    try {
      for (;;) {
        const isLate = this.#clock.monotonicMs() >= deadline;
        if (isLate && this.#lockedSince !== undefined) throw new StoreUnavailableError("locked", { cause: locked });
        try {
          const result = writeRelaxed(this.#db, write);
          this.#written();
          return result;
        } catch (thrown) {
          if (troubleOf(thrown) !== "locked" || isLate) throw thrown;
          locked = thrown;
          this.failed(thrown);
        }
        await new Promise<void>((resolve) => this.#clock.after(LOCKED_RETRY_MS, resolve));
      }
    } finally {
      setImmediate(pass); // between two of them everybody else has a turn
    }
  }

  /** Notes that a write has failed. @returns whether that is a trouble of the store */
  failed(thrown: unknown): boolean {
    const kind = troubleOf(thrown);
    if (kind !== "locked") return this.health.note(thrown);
    this.#lockedSince ??= this.#clock.monotonicMs();
    this.#schedule();
    if (this.#clock.monotonicMs() - this.#lockedSince >= LOCK_PATIENCE_MS) this.health.note(thrown);
    return true;
  }

  /**
   * Writes what waits, in turns of {@link TURN_MS} and without the pauses between them, as far as the store takes it.
   *
   * @param isOver asked before each turn: there is no more time
   */
  async flush(isOver: () => boolean): Promise<void> {
    while (this.#waiting.size > 0 && this.health.state.kind === "ok" && this.#lockedSince === undefined && !isOver()) {
      this.#retry();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Tries what waits for the last time. */
  close(): void {
    this.#cancelRetry?.();
    this.health.close();
    this.#isClosed = true;
    try {
      while (this.#waiting.size > 0) this.#drain();
    } catch (thrown) {
      this.#log.warn({ lost: this.#waiting.size, detail: messageOf(thrown) }, "the store took no more writes");
    }
  }

  #written(): void {
    this.#lockedSince = undefined;
  }

  #drain(): void {
    let left = BATCH;
    const began = performance.now();
    const end = began + TURN_MS;
    let tookLong = false;
    for (const [key, { write, isLong }] of this.#waiting) {
      if (left === 0 || (left < BATCH && performance.now() >= end)) break;
      left -= 1;
      writeRelaxed(this.#db, write);
      this.#written();
      this.#waiting.delete(key);
      tookLong ||= isLong;
    }
    const pauseMs = tookLong ? Math.min(MAX_PAUSE_MS, PAUSE_SHARE * (performance.now() - began)) : 0;
    this.#nextTurnAt = this.#clock.monotonicMs() + pauseMs;
    if (this.#waiting.size > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#isClosed || this.#cancelRetry !== undefined) return;
    const isLocked = this.#lockedSince !== undefined;
    const pauseMs = Math.max(0, this.#nextTurnAt - this.#clock.monotonicMs());
    const isFailing = this.health.state.kind !== "ok" && !isLocked;
    this.#cancelRetry = this.#clock.after(isLocked ? LOCKED_RETRY_MS : isFailing ? FAILED_RETRY_MS : pauseMs, () => {
      this.#cancelRetry = undefined;
      this.#retry();
    });
  }

  #retry(): void {
    if (this.health.state.kind !== "ok" && this.#lockedSince === undefined) {
      this.#schedule(); // the probe goes first
      return;
    }
    try {
      if (this.#waiting.size > 0) this.#drain();
      else if (this.#lockedSince !== undefined) this.#probe.run();
      this.#written();
    } catch (thrown) {
      if (this.failed(thrown)) this.#schedule();
      else this.#dropFirst(thrown);
    }
  }

  /** A write that can never succeed must not be in the way of the others. */
  #dropFirst(thrown: unknown): void {
    const [first] = this.#waiting.keys();
    if (first !== undefined) this.#waiting.delete(first);
    this.#log.error({ err: thrown }, "a write that had waited failed");
    if (this.#waiting.size > 0) this.#schedule();
  }
}
