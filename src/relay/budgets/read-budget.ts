/** So many bytes of one party are read in a turn of the event loop, beside the chunk of each socket that reaches the limit. */
export const READ_BYTES = 256 * 1024;
/** What the system hands over at once. */
const CHUNK_BYTES = 64 * 1024;

/** Something that is read, and can be left alone for a while. */
export interface Readable {
  /** Reads no more. */
  hold(): void;
  /** Reads on. */
  release(): void;
}

/**
 * How much of what one party sends is read in a turn of the event loop. As long as a socket has something, libuv reads it 32
 * times before it looks at the next one: 2 MB, and who sends that over several sockets has everybody else wait until all of it
 * is copied, although it may be no more than a piece of a frame, or a body that nobody wants.
 */
export class ReadBudget {
  #left = READ_BYTES;
  #isRenewing = false;
  /** Whoever has waited longest is first. */
  readonly #held = new Set<Readable>();

  /** So many bytes have come; it is held until a later turn when that is enough for this one. */
  take(from: Readable, bytes: number): void {
    this.#left -= bytes;
    this.#renewLater();
    if (this.#left > 0 || this.#held.has(from)) return;
    this.#held.add(from);
    from.hold();
  }

  /** It is closed. */
  forget(from: Readable): void {
    this.#held.delete(from);
  }

  #renewLater(): void {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    setImmediate(() => {
      this.#isRenewing = false;
      this.#left = READ_BYTES;
      // no more than can be read: the others would be held again after a chunk of each
      let chunks = READ_BYTES / CHUNK_BYTES;
      for (const each of this.#held) {
        if (chunks === 0) break;
        chunks -= 1;
        this.#held.delete(each);
        each.release();
      }
      if (this.#held.size > 0) this.#renewLater();
    });
  }
}
