import { TurnShare, type Waiting } from "./turn-share.js";

/** So many viewers are served without a look at the clock. */
const AT_ONCE = 32;
/** For so long one chat's viewers are served before everybody else has a turn, in milliseconds. */
const SLICE_MS = 1;

/**
 * Tells all viewers of one chat that there may be something for them. A chat of many viewers is served in slices between
 * which the event loop turns, so that other chats do not wait until all of them have had their frame.
 */
export class SlicedFlush<Viewer extends Waiting> {
  readonly #viewers: ReadonlySet<Viewer>;
  readonly #turn: Pick<TurnShare, "enter">;
  /** Those that have not been served since something changed; whoever has waited longest is first. */
  readonly #waiting = new Set<Viewer>();
  #isScheduled = false;
  /** Goes on in a later turn of the event loop. */
  readonly #next: Waiting = {
    flush: () => {
      this.#isScheduled = false;
      this.#serve();
    },
  };

  /**
   * @param viewers those of the chat; the caller changes the set, and tells of those that leave
   * @param turn what they share with those of other chats: when it is spent they wait here, as one
   */
  constructor(viewers: ReadonlySet<Viewer>, turn: Pick<TurnShare, "enter"> = new TurnShare()) {
    this.#viewers = viewers;
    this.#turn = turn;
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
      this.#isScheduled = !this.#turn.enter(this.#next);
      if (this.#isScheduled) return;
      this.#waiting.delete(viewer);
      viewer.flush();
      served += 1;
      if (served % AT_ONCE === 0 && this.#waiting.size > 0 && performance.now() >= end) {
        this.#isScheduled = true;
        setImmediate(this.#next.flush);
        return;
      }
    }
  }
}
