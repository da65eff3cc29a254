import { HEAD_COMPARISON } from "../../protocol/index.js";
import type { Clock } from "../../util/index.js";

/** So many comparisons of one chat are kept true at once; of more, those that were asked for last are not. */
const MAX_COMPARISONS = 20;

/** With what a chat is compared: what has viewers now, and what had some a moment ago. Names are words of docs/comparisons.md. */
export class WatchedComparisons {
  readonly #clock: Clock;
  readonly #watched = new Set<string>();
  /** What takes the end of each back that has lost its viewers. */
  readonly #lingering = new Map<string, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether any has viewers, as far as the relay says. */
  get hasViewers(): boolean {
    return this.#watched.size > 0;
  }

  /** Whether HEAD's diff itself has viewers. */
  get isHeadWatched(): boolean {
    return this.#watched.has(HEAD_COMPARISON);
  }

  /** Those with something else than HEAD: whether they have viewers now, by name. */
  others(): ReadonlyMap<string, boolean> {
    const others = new Map<string, boolean>();
    for (const name of [...this.#watched, ...this.#lingering.keys()]) {
      if (name !== HEAD_COMPARISON && others.size < MAX_COMPARISONS) others.set(name, this.#watched.has(name));
    }
    return others;
  }

  /** It has viewers from now on. @returns whether it had none */
  watch(name: string): boolean {
    this.#lingering.get(name)?.();
    this.#lingering.delete(name);
    const isNew = !this.#watched.has(name);
    this.#watched.add(name);
    return isNew;
  }

  /**
   * It has no viewers any more.
   *
   * @param name default: none has
   * @param onLapse is called when one has had none for `lingerMs` milliseconds; with `true` when it was the last
   */
  unwatch(lingerMs: number, onLapse: (isLast: boolean) => void, name?: string): void {
    const names = name === undefined ? new Set([...this.#watched, ...this.#lingering.keys()]) : [name];
    for (const each of names) {
      this.#watched.delete(each);
      this.#lingering.get(each)?.();
      const cancel = this.#clock.after(lingerMs, () => {
        this.#lingering.delete(each);
        onLapse(this.#watched.size + this.#lingering.size === 0);
      });
      this.#lingering.set(each, cancel);
    }
  }

  /** Nothing lapses any more. */
  close(): void {
    for (const cancel of this.#lingering.values()) cancel();
    this.#lingering.clear();
  }
}
