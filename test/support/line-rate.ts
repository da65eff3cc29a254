import type { Socket } from "node:net";

/** So often a line carries something. Milliseconds. */
const TICK_MS = 5;

/** One direction of one connection over a line that carries so many bytes a second, and holds none of its own. */
export class LineRate {
  readonly #bytesPerSecond: () => number;
  /** `performance.now()` when the line is free. */
  #freeAt = 0;

  /** @param bytesPerSecond asked for each piece: a line may change */
  constructor(bytesPerSecond: () => number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Reads on when the chunk has been carried. */
  carry(chunk: Buffer, from: Socket, to: Socket): void {
    from.pause();
    this.#freeAt = Math.max(this.#freeAt, performance.now());
    const next = (at: number) => {
      if (to.destroyed || from.destroyed) return;
      if (at >= chunk.length) {
        from.resume();
        return;
      }
      const rate = this.#bytesPerSecond();
      const size = Math.min(chunk.length - at, Math.max(1, Math.ceil((rate * TICK_MS) / 1_000)));
      this.#freeAt += (size / rate) * 1_000;
      setTimeout(
        () => {
          if (!to.destroyed) to.write(chunk.subarray(at, at + size));
          next(at + size);
        },
        Math.max(0, this.#freeAt - performance.now()),
      );
    };
    next(0);
  }
}
