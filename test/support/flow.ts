import type { Socket } from "node:net";

/** How slowly a link carries bytes: a rate, and the time that each byte takes on its way. */
export interface Pace {
  bytesPerSecond: number;
  delayMs: number;
}

/** Bytes that go at one time; a packet has about as many. */
const PIECE_BYTES = 1_024;
/** Pieces that are on their way at most; then the sender is not read. */
const MOST_PIECES = 64;

/** One direction of a connection: its bytes leave in order, each not before its time. */
export class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  #queue: { atMs: number; bytes: Buffer }[] = [];
  #freeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
  }

  /** @param pace none: as soon as what came before has left */
  send(bytes: Buffer, pace?: Pace): void {
    if (pace === undefined && this.#queue.length === 0) {
      this.#write(bytes);
      return;
    }
    const nowMs = performance.now();
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      const takesMs = pace === undefined ? 0 : (piece.length / pace.bytesPerSecond) * 1_000;
      this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + takesMs;
      this.#queue.push({ atMs: this.#freeAtMs + (pace?.delayMs ?? 0), bytes: piece });
    }
    if (this.#queue.length > MOST_PIECES && !this.#isPaused) {
      this.#isPaused = true;
      this.#from.pause();
    }
    this.#pump();
  }

  /** Everything leaves now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#freeAtMs = 0;
    for (const { bytes } of this.#queue.splice(0)) this.#write(bytes);
    this.#goOn();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const nowMs = performance.now();
    while (this.#queue[0] !== undefined && this.#queue[0].atMs <= nowMs) {
      const { bytes } = this.#queue.shift() ?? {};
      if (bytes !== undefined) this.#write(bytes);
    }
    if (this.#queue.length <= MOST_PIECES) this.#goOn();
    const [first] = this.#queue;
    if (first !== undefined) this.#timer = setTimeout(() => this.#pump(), first.atMs - nowMs).unref();
  }

  #goOn(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#from.resume();
  }

  #write(bytes: Buffer): void {
    if (!this.#to.destroyed) this.#to.write(bytes);
  }
}
