/** So many viewers are served without a look at the clock. */
const AT_ONCE = 32;
/** For so long one chat's viewers are served before everybody else has a turn, in milliseconds. */
const SLICE_MS = 2;

/** A viewer, as far as it is told that there may be something for it. */
interface Flushable {
  flush(): void;
}

/**
 * Tells all viewers of one chat that there may be something for them. A chat of many viewers is served in slices between
 * which the event loop turns, so that other chats do not wait until all of them have had their frame.
 */
export class SlicedFlush<Viewer extends Flushable> {
  readonly #viewers: ReadonlySet<Viewer>;
  /** Those that have not been served since something changed; whoever has waited longest is first. */
  readonly #waiting = new Set<Viewer>();
  #isScheduled = false;

  /** @param viewers those of the chat; the caller changes the set, and tells of those that leave */
  constructor(viewers: ReadonlySet<Viewer>) {
    this.#viewers = viewers;
  }

  /** Those to whom the state before the newest one may still be the last one that they were sent. */
  get waiting(): ReadonlySet<Viewer> {
    return this.#waiting;
  }

  flush(): void {
    if (this.#viewers.size <= AT_ONCE && this.#waiting.size === 0) {
      for (const viewer of this.#viewers) viewer.flush();
      return;
    }
    for (const viewer of this.#viewers) this.#waiting.add(viewer);
    if (!this.#isScheduled) this.#serve();
  }

  /** It is not one of the chat's viewers any more. */
  forget(viewer: Viewer): void {
    this.#waiting.delete(viewer);
  }

  #serve(): void {
    const end = performance.now() + SLICE_MS;
    let served = 0;
    for (const viewer of this.#waiting) {
      this.#waiting.delete(viewer);
      viewer.flush();
      served += 1;
      if (served % AT_ONCE === 0 && this.#waiting.size > 0 && performance.now() >= end) {
        this.#isScheduled = true;
        setImmediate(() => {
          this.#isScheduled = false;
          this.#serve();
        });
        return;
      }
    }
  }
}
