import { LRUCache } from "lru-cache";
import { type Clock, systemClock } from "../util/index.js";

/** What has been logged is counted, and not logged again, for so long. Milliseconds. */
const QUIET_MS = 60_000;
/** The most lines in that time: far more than an honest peer causes. */
const MAX_LINES = 30;
/** The most different things that are remembered as logged. */
const MAX_REMEMBERED = 128;

/** Where lines go: a pino logger, or a server's own. */
type Lines = Record<"info" | "warn" | "error", (fields: object, message: string) => void>;

interface Logged {
  at: number;
  /** How often the same has come since. */
  repeated: number;
}

/**
 * Logs what a peer causes. A peer can cause the same line, or ever different ones, without end: each is logged once in a
 * while, with how often it was `repeated` since, and no more than so many lines are written in that time; then the next line
 * says how many were `suppressed`.
 */
export class RepeatedLog {
  readonly #log: Lines;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #logged = new LRUCache<string, Logged>({ max: MAX_REMEMBERED });
  #periodStart = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #suppressed = 0;

  constructor(log: Lines, clock: Pick<Clock, "monotonicMs"> = systemClock) {
    this.#log = log;
    this.#clock = clock;
  }

  info(key: string, fields: object, message: string): void {
    this.#write("info", key, fields, message);
  }

  warn(key: string, fields: object, message: string): void {
    this.#write("warn", key, fields, message);
  }

  error(key: string, fields: object, message: string): void {
    this.#write("error", key, fields, message);
  }

  /** @param key what makes it another thing than what was logged before, beside the message */
  #write(level: "info" | "warn" | "error", key: string, fields: object, message: string): void {
    const now = this.#clock.monotonicMs();
    const name = `${message}\n${key}`;
    const logged = this.#logged.get(name);
    if (logged !== undefined && now - logged.at < QUIET_MS) {
      logged.repeated += 1;
      return;
    }
    if (now - this.#periodStart >= QUIET_MS) {
      this.#periodStart = now;
      this.#lines = 0;
    }
    if (this.#lines >= MAX_LINES) {
      this.#suppressed += 1;
      return;
    }
    this.#lines += 1;
    const repeated = logged?.repeated ?? 0;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    this.#logged.set(name, { at: now, repeated: 0 });
    this.#log[level]({ ...fields, ...(repeated > 0 && { repeated }), ...(suppressed > 0 && { suppressed }) }, message);
  }
}
