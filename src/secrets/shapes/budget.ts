/** Thrown when a file took longer than it may. */
export class OverTimeError extends Error {
  constructor() {
    super("it took too long");
    this.name = "OverTimeError";
  }
}

/** A look at the clock costs about as much as so many steps. */
const STEPS_PER_LOOK = 64;
/** A text of so many UTF-16 units has one step free, and every text so many: sources take no more, as was counted. */
const UNITS_PER_STEP = 64;
const FREE_STEPS = 2000;

/**
 * What a look through one text may cost. Its steps are of bounded work each, and a text has as many free as a source of its
 * length takes, so that a program which has to wait for a processor withholds nobody's sources. What takes more is made to
 * take more, and has the time of a clock.
 */
export class Budget {
  readonly #now: () => number;
  readonly #until: number;
  #left: number;

  /** @param now milliseconds, of any beginning @param ms how long it may take @param units of the text */
  constructor(now: () => number, ms: number, units: number) {
    this.#now = now;
    this.#until = now() + ms;
    this.#left = FREE_STEPS + units / UNITS_PER_STEP;
  }

  /** So many more steps. @throws OverTimeError when the time is up */
  step(steps = 1): void {
    this.#left -= steps;
    if (this.#left > 0) return;
    this.#left = STEPS_PER_LOOK;
    if (this.#now() > this.#until) throw new OverTimeError();
  }
}
