/** How long a refresh waits for the agent before the client gets an error that says so, in milliseconds. Clients wait 5 s. */
const SLOW_AGENT_MS = 4_000;

const NONE: readonly Refresh[] = [];

/** One refresh of a client. */
export interface Refresh {
  /** What the client calls it, if it does: the frame that answers says so. */
  readonly id: string | undefined;
}

/** What comes of a refresh's barrier. */
export interface BarrierListener {
  /** It has passed, and the next frame answers the refresh. */
  onPassed: () => void;
  /** There is no answer to a refresh that has a name. Without a name it needs no frame: every viewer was sent why. */
  onFailed: (id: string) => void;
}

/** The refreshes of one client that have no answer yet. */
export class PendingRefreshes {
  readonly #onSlow: () => void;
  /** Those whose barrier is still out, and has to be answered. */
  readonly #waiting = new Set<Refresh>();
  /** How many barriers are out. */
  #barriers = 0;
  /** Those whose barrier has passed: each is answered by a frame. */
  readonly #passed = new Set<Refresh>();
  #slow: NodeJS.Timeout | undefined;

  /** @param onSlow called once for all that wait together, when they have waited for long */
  constructor(onSlow: () => void) {
    this.#onSlow = onSlow;
  }

  /** Whether any barrier is still out. */
  get isWaiting(): boolean {
    return this.#barriers > 0;
  }

  /** How many are owed a frame. */
  get owed(): number {
    return this.#passed.size;
  }

  /** A refresh waits for its barrier. @param id what the client calls it */
  wait(barrier: Promise<void>, { onPassed, onFailed }: BarrierListener, id?: string): void {
    const refresh: Refresh = { id };
    this.#waiting.add(refresh);
    this.#barriers += 1;
    this.#slow ??= setTimeout(this.#onSlow, SLOW_AGENT_MS).unref();
    barrier.then(
      () => {
        if (this.#settle(refresh)) this.#passed.add(refresh);
        onPassed();
      },
      () => {
        if (this.#settle(refresh) && id !== undefined) onFailed(id);
      },
    );
  }

  /** What the next frame answers: all that have a name, and one of those without, which have a frame each. */
  next(): readonly Refresh[] {
    if (this.#passed.size === 0) return NONE; // as for nearly every frame
    const refreshes: Refresh[] = [];
    let isNamelessIn = false;
    for (const refresh of this.#passed) {
      if (refresh.id === undefined && isNamelessIn) continue;
      if (refresh.id === undefined) isNamelessIn = true;
      refreshes.push(refresh);
    }
    return refreshes;
  }

  /** A frame has answered these. */
  answered(refreshes: readonly Refresh[]): void {
    for (const refresh of refreshes) this.#passed.delete(refresh);
  }

  /** An error answers all that have a name and whose barrier is still out. @returns their names */
  giveUp(): string[] {
    const ids: string[] = [];
    for (const refresh of this.#waiting) {
      if (refresh.id === undefined) continue;
      ids.push(refresh.id);
      this.#waiting.delete(refresh);
    }
    return ids;
  }

  /** No slowness is reported any more. */
  stop(): void {
    clearTimeout(this.#slow);
    this.#slow = undefined;
  }

  /** @returns whether it has to be answered still */
  #settle(refresh: Refresh): boolean {
    this.#barriers -= 1;
    if (this.#barriers === 0) this.stop();
    return this.#waiting.delete(refresh);
  }
}
