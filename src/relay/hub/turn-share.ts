/** So many bytes of frames go out in one turn of the event loop, beside the frame that reaches the limit. */
export const TURN_BYTES = 256 * 1024;

/** To look whether one tree of a chat is another one than a viewer has takes as long as to send so many bytes. */
const LOOK_BYTES = 64;

/** A fragment is made for few, often for one, and to make it takes longer than to write it: so many times its bytes. */
const FRAGMENT_COST = 2;

/** A viewer, as far as it may have to wait for the next turn. */
export interface Waiting {
  flush(): void;
}

/**
 * What one workspace's viewers may be sent in a turn of the event loop. A write copies its bytes into the system, which takes
 * milliseconds for a large diff and each of its viewers. Who is not served in this turn is served in one of the next, so that
 * the event loop is left to other workspaces in between.
 */
export class TurnShare {
  #left = TURN_BYTES;
  #isRenewed = true;
  /** Whoever has waited longest is first. */
  readonly #waiting = new Set<Waiting>();

  /** Whether anybody waits for the next turn. */
  get isBehind(): boolean {
    return this.#waiting.size > 0;
  }

  /** @returns whether the viewer may be sent a frame now; if not, it is flushed in a later turn */
  enter(viewer: Waiting): boolean {
    if (this.#left > 0) return true;
    this.#waiting.add(viewer);
    return false;
  }

  /**
   * A frame has gone out, or there was none to send.
   *
   * @param bytes how long it is
   * @param options `trees`: how many were looked at for it; `isFragment`: it is one of several that make a message, the last as well
   */
  spend(bytes: number, { trees = 0, isFragment = false } = {}): void {
    this.#left -= bytes * (isFragment ? FRAGMENT_COST : 1) + LOOK_BYTES * trees;
    this.#renewLater();
  }

  /** It waits no longer. */
  forget(viewer: Waiting): void {
    this.#waiting.delete(viewer);
  }

  #renewLater(): void {
    if (!this.#isRenewed) return;
    this.#isRenewed = false;
    setImmediate(() => {
      this.#isRenewed = true;
      this.#left = TURN_BYTES;
      for (const viewer of this.#waiting) {
        if (this.#left <= 0) return; // what was spent renews it again
        this.#waiting.delete(viewer);
        viewer.flush();
      }
    });
  }
}
