/** How long a refresh waits for the agent before the client gets an error that says so, in milliseconds. Clients wait 5 s. */
const SLOW_AGENT_MS = 4_000;

/** The refreshes of one client that have no answer yet. */
export class PendingRefreshes {
  readonly #onSlow: () => void;
  /** Those whose barrier is still out. */
  #waiting = 0;
  /** Those whose barrier has passed: each is answered by a frame. */
  #passed = 0;
  #slow: NodeJS.Timeout | undefined;

  /** @param onSlow called once for all that wait together, when they have waited for long */
  constructor(onSlow: () => void) {
    this.#onSlow = onSlow;
  }

  /** Whether any barrier is still out. */
  get isWaiting(): boolean {
    return this.#waiting > 0;
  }

  /** Whether the next frame answers one. */
  get needsAnswer(): boolean {
    return this.#passed > 0;
  }

  /**
   * A refresh waits for its barrier.
   *
   * @param barrier when it rejects, the refresh needs no frame: every viewer was sent why
   * @param onPassed called when it resolves, and the next frame answers the refresh
   */
  wait(barrier: Promise<void>, onPassed: () => void): void {
    this.#waiting += 1;
    this.#slow ??= setTimeout(this.#onSlow, SLOW_AGENT_MS).unref();
    barrier.then(
      () => {
        this.#settle();
        this.#passed += 1;
        onPassed();
      },
      () => this.#settle(),
    );
  }

  /** A frame has answered one. */
  answered(): void {
    this.#passed -= 1;
  }

  /** No slowness is reported any more. */
  stop(): void {
    clearTimeout(this.#slow);
    this.#slow = undefined;
  }

  #settle(): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) this.stop();
  }
}
