import { type Clock, type Logger, messageOf } from "../../util/index.js";
import type { Soon } from "../soon.js";
import { type StoreTrouble, StoreUnavailableError, troubleOf } from "./trouble.js";

/** How the store is. */
export type StoreState = { kind: "ok" } | { kind: StoreTrouble; since: Date; detail: string };

/** How often a store in trouble is tried, in milliseconds. */
const PROBE_MS = 1_000;

/**
 * Whether the store takes writes. A trouble is logged when it begins, however many errors tell of it, and once more when
 * it has passed: that is found out by a small write, now and then.
 */
export class StoreHealth {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #probe: () => Soon<void>;
  readonly #errors = new Map<StoreTrouble, number>();
  /** Those that were logged since the store was well. */
  readonly #said = new Set<StoreTrouble>();
  #state: StoreState = { kind: "ok" };
  #cancel: (() => void) | undefined;
  #isClosed = false;

  /** @param probe writes what shows that writing works; throws, or rejects, when it does not */
  constructor(log: Logger, clock: Clock, probe: () => Soon<void>) {
    this.#log = log;
    this.#clock = clock;
    this.#probe = probe;
  }

  get state(): StoreState {
    return this.#state;
  }

  /** How many errors told of each trouble. */
  get errors(): ReadonlyMap<StoreTrouble, number> {
    return this.#errors;
  }

  /** Notes an error. @returns whether it tells of a trouble of the store; others are for the caller to log */
  note(thrown: unknown): boolean {
    const kind = troubleOf(thrown);
    if (kind === undefined) return false;
    if (thrown instanceof StoreUnavailableError && this.#state.kind !== "ok") return true; // nothing new was learned
    this.#errors.set(kind, (this.#errors.get(kind) ?? 0) + 1);
    const since = this.#state.kind === "ok" ? new Date(this.#clock.wallMs()) : this.#state.since;
    this.#state = { kind, since, detail: detailOf(thrown) };
    if (!this.#said.has(kind)) {
      this.#said.add(kind);
      this.#log.error({ err: thrown, trouble: kind }, "the store is in trouble; what is held is served on");
    }
    this.#schedule();
    return true;
  }

  /** Tries no more. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #schedule(): void {
    if (this.#isClosed || this.#cancel !== undefined) return;
    this.#cancel = this.#clock.after(PROBE_MS, () => {
      this.#cancel = undefined;
      this.#try();
    });
  }

  #try(): void {
    try {
      const probed = this.#probe();
      if (probed instanceof Promise)
        probed.then(() => this.#recovered()).catch((thrown: unknown) => this.#failed(thrown));
      else this.#recovered();
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #failed(thrown: unknown): void {
    if (!this.note(thrown)) this.#log.error({ err: thrown }, "trying the store failed");
    this.#schedule();
  }

  #recovered(): void {
    const { kind } = this.#state;
    this.#state = { kind: "ok" };
    this.#said.clear();
    this.#log.info({ trouble: kind }, "the store is well again");
  }
}

/** What lies behind a store that does not answer says more than that. */
function detailOf(thrown: unknown): string {
  const isUnavailable = thrown instanceof StoreUnavailableError && thrown.cause !== undefined;
  return messageOf(isUnavailable ? thrown.cause : thrown);
}
