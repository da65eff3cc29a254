/** Thrown when a file took longer than it may. */
export class OverTimeError extends Error {
  constructor() {
    super("it took too long");
    this.name = "OverTimeError";
  }
}

/** A look at the clock costs about as much as so many steps. */
const STEPS_PER_LOOK = 64;

/** The time that one file may take. */
export class Budget {
  readonly #now: () => number;
  readonly #until: number;
  #left = STEPS_PER_LOOK;

  /** @param now milliseconds, of any beginning @param ms how long it may take */
  constructor(now: () => number, ms: number) {
    this.#now = now;
    this.#until = now() + ms;
  }

  /** So many more steps of bounded work. @throws OverTimeError when the time is up */
  step(steps = 1): void {
    this.#left -= steps;
    if (this.#left > 0) return;
    this.#left = STEPS_PER_LOOK;
    if (this.#now() > this.#until) throw new OverTimeError();
  }
}
