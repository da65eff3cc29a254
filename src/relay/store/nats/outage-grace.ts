import { LRUCache } from "lru-cache";
import type { Clock } from "../../../util/index.js";
import { StoreUnavailableError } from "../trouble.js";
import type { RecordStream } from "./record-stream.js";

/** How much is remembered of each kind. */
const MAX_REMEMBERED = 50_000;

/** While nobody can be asked, what was heard a while ago counts, unless the operator says something else. Milliseconds. */
export const OUTAGE_GRACE_MS = 10 * 60_000;

export interface OutageGraceOptions {
  clock: Clock;
  /** For how long what was heard counts while nobody can be asked, in milliseconds. */
  graceMs: number;
  /** Whether it is known that nobody can be asked. */
  isDown: () => boolean;
  /** Called when somebody can be asked again, and something was remembered meanwhile. */
  recovered: () => void;
}

/**
 * Nobody is refused because the store does not answer: what was heard a while ago still counts, and of all else nobody says
 * anything. What was done by it is looked at again afterwards.
 */
export class OutageGrace {
  readonly options: OutageGraceOptions;
  #owesALook = false;

  constructor(options: OutageGraceOptions) {
    this.options = options;
  }

  /** Something was remembered in place of being asked. */
  owe(): void {
    this.#owesALook = true;
  }

  /** Somebody can be asked again. */
  answered(): void {
    if (!this.#owesALook) return;
    this.#owesALook = false;
    this.options.recovered();
  }
}

/** What was heard, and when: monotonic milliseconds. */
export interface Heard<T> {
  value: T;
  heardAt: number;
}

/** Records of one kind that were heard, for an {@link OutageGrace}. */
export class Remembered<T> {
  readonly #grace: OutageGrace;
  readonly #stream: RecordStream;
  readonly #heard = new LRUCache<string, Heard<T>>({ max: MAX_REMEMBERED });

  constructor(grace: OutageGrace, stream: RecordStream) {
    this.#grace = grace;
    this.#stream = stream;
  }

  /** What was heard last, however long ago. */
  last(id: string): Heard<T> | undefined {
    return this.#heard.get(id);
  }

  /** Something was heard of it just now. */
  hear(id: string, value: T): void {
    this.#heard.set(id, { value, heardAt: this.#grace.options.clock.monotonicMs() });
  }

  /** It has changed. */
  forget(id: string): void {
    this.#heard.delete(id);
  }

  /**
   * Asks for a record. Where something is remembered it is asked once; what nobody answers is asked for long.
   *
   * @param subject where the record of that id is
   * @returns what the store says; or what is remembered, when it says nothing @throws StoreUnavailableError
   */
  async ask(id: string, subject: string): Promise<{ asked: unknown } | { remembered: T }> {
    if (this.#within(id) === undefined) return this.#answered((await this.#stream.get(subject)).value);
    try {
      if (!this.#grace.options.isDown()) return this.#answered((await this.#stream.getOnce(subject)).value);
    } catch (thrown) {
      if (!(thrown instanceof StoreUnavailableError)) throw thrown;
    }
    const heard = this.#within(id); // unless it has changed while somebody was asked
    if (heard === undefined) throw new StoreUnavailableError("failing");
    this.#grace.owe();
    return { remembered: heard.value };
  }

  /** @throws StoreUnavailableError: who leads without a majority knows nothing of what was made elsewhere since */
  #answered(asked: unknown): { asked: unknown } {
    const isDown = this.#grace.options.isDown();
    if (asked === null && isDown) throw new StoreUnavailableError("failing");
    if (!isDown) this.#grace.answered();
    return { asked };
  }

  #within(id: string): Heard<T> | undefined {
    const { clock, graceMs } = this.#grace.options;
    const heard = this.#heard.get(id);
    return heard !== undefined && clock.monotonicMs() - heard.heardAt < graceMs ? heard : undefined;
  }
}
