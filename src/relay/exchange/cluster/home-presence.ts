import type { Clock } from "../../../util/index.js";

/** A home of which nothing was heard for so long is asked whether it is there, in milliseconds. Its beacons come every 2 s. */
const SILENCE_MS = 5_000;
/** How long viewers are not told that the agent is away when it is on its way to another home. */
const QUIET_MS = 10_000;

const LONG_AGO = Number.NEGATIVE_INFINITY;

/** Whether a workspace has a home, as far as what was heard of it says. */
export class HomePresence {
  readonly #clock: Clock;
  // of the monotonic clock
  #heardAtMs = LONG_AGO;
  #quietUntilMs = LONG_AGO;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The home has said something. */
  heard(): void {
    this.#heardAtMs = this.#clock.monotonicMs();
  }

  /** It is there no more. */
  lost(): void {
    this.#heardAtMs = LONG_AGO;
  }

  /** It was not heard for longer than its beacons take. */
  get isSilent(): boolean {
    return this.#clock.monotonicMs() - this.#heardAtMs >= SILENCE_MS;
  }

  /** The agent goes to another home. */
  isMoving(): void {
    this.#quietUntilMs = this.#clock.monotonicMs() + QUIET_MS;
  }

  /** It has come there. */
  hasMoved(): void {
    this.#quietUntilMs = LONG_AGO;
  }

  /** Another home is about to come. */
  get isAwaited(): boolean {
    return this.#clock.monotonicMs() < this.#quietUntilMs;
  }
}
