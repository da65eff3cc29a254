import type Database from "libsql";
import { type Clock, type Logger, messageOf } from "../../../util/index.js";
import { StoreHealth } from "../health.js";
import { StoreUnavailableError, troubleOf } from "../trouble.js";
import { type WaitingWrite, WaitingWrites } from "../waiting-writes.js";
import { inTransaction, withoutSync } from "./database.js";
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
/** So many of those that wait go out between two turns of the loop. */
const BATCH = 200;
/** Or until this much time has passed, in milliseconds. */
const TURN_MS = 2;
/** Long writes may come again and again: for so many times what they took in a turn there are no others. */
const PAUSE_SHARE = 19;
/** And for so many times what they took beyond two turns, while everybody waited for them. */
const STALL_PAUSE_SHARE = 180;
/** A turn that the disk held up does not let what waits lie for longer: a relay that is killed loses it. Milliseconds. */
const MAX_PAUSE_MS = 3_000;
/** Nor do all pauses together that stalls are the reason of, while one of those that wait does so. Milliseconds. */
const MAX_STALL_PAUSES_MS = 30_000;
/** What the probe writes, in bytes: room for one page shows little. */
const PROBE_BYTES = 65_536;

interface Waiting extends WaitingWrite {
  write(): void;
  /** How long the pauses for stalls had been by when it began to wait, in milliseconds. */
  readonly stallPausesMs: number;
}

/** Of a write that may wait. */
export interface WaitingOptions {
  /** Whose it is, a workspace: when too many writes wait, those go of who has the most. "": the relay's own. */
  readonly owner: string;
  /** Called when it is given up, with what waited of the same. */
  dropped?(): void;
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
  readonly #probe: () => void;
  /** By key, oldest first. */
  readonly #waiting = new WaitingWrites<Waiting>();
  /** Those that take longer than a turn of the loop should. */
  readonly #long = new WaitingWrites<Waiting>();
  #retry: { at: number; cancel: () => void } | undefined;
  /** The one of those that wait that was tried last. */
  #tried: { waiting: WaitingWrites<Waiting>; key: string } | undefined;
  /** Monotonic milliseconds: since when another process has let no write through. */
  #lockedSince: number | undefined;
  /** Monotonic milliseconds: before then no long write is begun. */
  #nextLongAt = 0;
  /** How long all pauses for stalls were together, in milliseconds. */
  #stallPausesMs = 0;
  /** Settles when the durable write before is through: one at a time is tried against a lock. */
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** @param sync has on disk what was written before it was called */
  constructor(db: Database.Database, log: Logger, clock: Clock, sync = walSync(db)) {
    this.#db = db;
    this.#sync = sync;
    this.#log = log;
    this.#clock = clock;
    const probe = db.prepare(`insert or replace into probe (id, bytes) values (1, zeroblob(${PROBE_BYTES}))`);
    this.#probe = () => inTransaction(db, () => probe.run());
    this.health = new StoreHealth(log, clock, () => {
      this.#probe();
      this.#written();
      this.#drainOrDrop();
    });
  }

  /** Whether a write that may wait would have to. Long ones are in nobody's way. */
  get isBehind(): boolean {
    return this.#waiting.size > 0 || this.#lockedSince !== undefined || this.health.state.kind !== "ok";
  }

  /** Whether a write of this key waits. */
  waits(key: string): boolean {
    return this.#waiting.has(key) || this.#long.has(key);
  }

  /** How many writes wait. */
  get waitingCount(): number {
    return this.#waiting.size + this.#long.size;
  }

  /**
   * Writes without waiting for the disk: now, or when the store takes it.
   *
   * @param key what is written: a write that waits gives way to a newer one of the same
   * @param write leaves nothing behind when it fails, a lock among it (`writeRelaxed`)
   * @throws what is no trouble of the store
   */
  relaxed(key: string, write: () => void, options: WaitingOptions): void {
    this.#long.delete(key);
    if (!this.isBehind) {
      try {
        write();
        return;
      } catch (thrown) {
        if (!this.failed(thrown)) {
          options.dropped?.();
          throw thrown;
        }
      }
    }
    this.#waiting.append(key, this.#waitingWrite(write, options));
    this.#schedule();
  }

  /**
   * Writes what takes long, when others have had their turn.
   *
   * @param key as of {@link relaxed}
   */
  later(key: string, write: () => void, options: WaitingOptions): void {
    this.#waiting.delete(key);
    const { stallPausesMs = this.#stallPausesMs } = this.#long.get(key) ?? {}; // it has the older one's place
    this.#long.replace(key, { ...this.#waitingWrite(write, options), stallPausesMs });
    this.#schedule();
  }

  #waitingWrite(write: () => void, { owner, dropped = () => undefined }: WaitingOptions): Waiting {
    return { write, owner, dropped, stallPausesMs: this.#stallPausesMs };
  }

  /** A write of this key that waits has become needless. */
  forget(key: string): void {
    this.#waiting.delete(key);
    this.#long.delete(key);
  }

  /**
   * Writes what will be acknowledged, and waits for a lock of another process and for the disk without holding up anybody.
   * Others may read what was written before it is acknowledged.
   *
   * @param write checks and writes, in one turn and one transaction (`inTransaction`); called again after a lock
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
          const result = withoutSync(this.#db, write);
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
    while (this.waitingCount > 0 && this.health.state.kind === "ok" && this.#lockedSince === undefined && !isOver()) {
      this.#turnOfWrites(true);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Tries what waits for the last time. */
  close(): void {
    this.#retry?.cancel();
    this.health.close();
    this.#isClosed = true;
    try {
      while (this.waitingCount > 0) this.#drainOrDrop(true);
    } catch (thrown) {
      this.#log.warn({ lost: this.waitingCount, detail: messageOf(thrown) }, "the store took no more writes");
    }
  }

  #written(): void {
    this.#lockedSince = undefined;
  }

  /**
   * Writes for a turn: the short ones, then the long ones when there are none and their pause is over.
   *
   * @param isHurried there is no pause
   * @returns whether anything was written
   */
  #drain(isHurried = false): boolean {
    const began = performance.now();
    const short = this.#writeFrom(this.#waiting, began);
    const isLongsTurn = this.#waiting.size === 0 && (isHurried || this.#clock.monotonicMs() >= this.#nextLongAt);
    const longBegan = performance.now();
    const long = isLongsTurn ? this.#writeFrom(this.#long, began) : 0;
    if (long > 0) this.#nextLongAt = this.#clock.monotonicMs() + this.#pauseAfter(performance.now() - longBegan);
    if (this.waitingCount > 0) this.#schedule();
    return short + long > 0;
  }

  /** How long there are no long writes after a turn of them that took so long, both in milliseconds. */
  #pauseAfter(tookMs: number): number {
    const stallMs = Math.max(0, tookMs - 2 * TURN_MS);
    const [[, oldest] = []] = this.#long;
    const left = MAX_STALL_PAUSES_MS - (this.#stallPausesMs - (oldest?.stallPausesMs ?? this.#stallPausesMs));
    const even = MAX_STALL_PAUSES_MS / Math.max(1, this.#long.size); // those that wait are to have some of it each
    const plainMs = Math.min(MAX_PAUSE_MS, PAUSE_SHARE * tookMs);
    const pauseMs = Math.min(MAX_PAUSE_MS, plainMs + Math.min(STALL_PAUSE_SHARE * stallMs, even, Math.max(0, left)));
    this.#stallPausesMs += pauseMs - plainMs;
    return pauseMs;
  }

  /** @param began when the turn did @returns how many were written, one at least if there is one */
  #writeFrom(waiting: WaitingWrites<Waiting>, began: number): number {
    let count = 0;
    for (const [key, { write }] of waiting) {
      if (count === BATCH || (count > 0 && performance.now() >= began + TURN_MS)) break;
      this.#tried = { waiting, key };
      write();
      this.#written();
      waiting.delete(key);
      count += 1;
    }
    this.#tried = undefined;
    return count;
  }

  /** Writes for a turn; what can never be written is dropped. @returns as `#drain` @throws what is a trouble of the store */
  #drainOrDrop(isHurried = false): boolean {
    try {
      return this.#drain(isHurried);
    } catch (thrown) {
      if (this.#tried === undefined || troubleOf(thrown) !== undefined) throw thrown;
      // it must not be in the way of the others
      const { waiting, key } = this.#tried;
      this.#tried = undefined;
      const job = waiting.get(key);
      waiting.delete(key);
      job?.dropped();
      this.#log.error({ err: thrown }, "a write that had waited failed");
      if (this.waitingCount > 0) this.#schedule();
      return true;
    }
  }

  /** Has another turn soon enough. */
  #schedule(): void {
    if (this.#isClosed) return;
    const now = this.#clock.monotonicMs();
    const delayMs = this.#delayMs(now);
    if (this.#retry !== undefined && this.#retry.at <= now + delayMs) return;
    this.#retry?.cancel();
    const cancel = this.#clock.after(delayMs, () => {
      this.#retry = undefined;
      this.#turnOfWrites();
    });
    this.#retry = { at: now + delayMs, cancel };
  }

  #delayMs(now: number): number {
    if (this.#lockedSince !== undefined) return LOCKED_RETRY_MS;
    if (this.health.state.kind !== "ok") return FAILED_RETRY_MS;
    return this.#waiting.size > 0 ? 0 : Math.max(0, this.#nextLongAt - now);
  }

  /** @param isHurried as of `#drain` */
  #turnOfWrites(isHurried = false): void {
    if (this.health.state.kind !== "ok" && this.#lockedSince === undefined) {
      this.#schedule(); // the probe goes first
      return;
    }
    try {
      if (!this.#drainOrDrop(isHurried) && this.#lockedSince !== undefined) this.#probe();
      this.#written();
    } catch (thrown) {
      if (!this.failed(thrown)) this.#log.error({ err: thrown }, "writing to the store failed");
      this.#schedule();
    }
  }
}
