import type { Clock } from "../../util/index.js";

/** How long after a file was found changed it is looked at again, in milliseconds. */
export const LOOKS_MS = [1000, 10_000] as const;

/** So many files are looked at again; of more at a time, those that changed first are left to the sweep. */
export const MAX_SETTLING = 4096;

export interface SettlingFilesOptions {
  clock: Clock;
  /** The file is to be looked at. @param path byte path */
  look: (path: string) => void;
}

/**
 * Files that have just been found changed, each of which is looked at again after 1 s and after 10 s. Writes through a
 * shared mapping raise no event: a linker or a database makes a file, gives it its size, which is told, and fills it
 * through a mapping, which is not.
 */
export class SettlingFiles {
  readonly #options: SettlingFilesOptions;
  /** For each of the {@link LOOKS_MS}: path → when it is due, in ascending order, as all wait for as long. */
  readonly #due: readonly Map<string, number>[] = LOOKS_MS.map(() => new Map());
  #scheduled: { at: number; cancel: () => void } | undefined;

  constructor(options: SettlingFilesOptions) {
    this.#options = options;
  }

  /** A file was found changed: its looks are counted from now on. @param path byte path */
  add(path: string): void {
    const now = this.#options.clock.monotonicMs();
    for (const [at, due] of this.#due.entries()) {
      due.delete(path);
      due.set(path, now + (LOOKS_MS[at] ?? 0));
      const [oldest] = due.keys();
      if (due.size > MAX_SETTLING && oldest !== undefined) due.delete(oldest);
    }
    this.#schedule();
  }

  /** Looks at nothing any more. */
  close(): void {
    for (const due of this.#due) due.clear();
    this.#scheduled?.cancel();
    this.#scheduled = undefined;
  }

  #schedule(): void {
    const next = Math.min(...this.#due.map((due) => due.values().next().value ?? Number.POSITIVE_INFINITY));
    if (next === Number.POSITIVE_INFINITY || (this.#scheduled !== undefined && this.#scheduled.at <= next)) return;
    this.#scheduled?.cancel();
    const { clock } = this.#options;
    const cancel = clock.after(next - clock.monotonicMs(), () => {
      this.#scheduled = undefined;
      this.#lookAtDue(clock.monotonicMs());
      this.#schedule();
    });
    this.#scheduled = { at: next, cancel };
  }

  #lookAtDue(now: number): void {
    for (const due of this.#due) {
      for (const [path, at] of due) {
        if (at > now) break;
        due.delete(path);
        this.#options.look(path);
      }
    }
  }
}
