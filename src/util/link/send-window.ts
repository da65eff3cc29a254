/** The system's clock, as far as it is needed. */
interface SendClock {
  monotonicMs(): number;
}

/** Fewer bytes than this go without a mark behind them. */
const MARK_BYTES = 16 * 1024;
/** However fast the link is, no more is on its way. Bytes. */
const MAX_WINDOW_BYTES = 4 * 1024 * 1024;
/**
 * More is put on its way when what was sent arrives within this time, in milliseconds: a second piece when one by one would
 * leave the link idle for long, and more than that only where a ping behind them is hardly later for it.
 */
const GROW_FIRST_MS = 1_500;
const GROW_MS = 500;
/** Less is put on its way when it takes this long. Milliseconds. */
const SHRINK_MS = 4_000;

/**
 * Keeps the queue of a slow link short. What a socket was given lies in the system's buffers and in those of proxies, which
 * take megabytes: minutes of a link of 64 kbit/s, in which every ping and every small message waits behind them. So a mark (a
 * ping, to be answered by a pong) goes behind what is sent, and the next piece waits until enough of the marks came back. How
 * much may be under way begins with one piece, and grows where marks come back soon.
 *
 * ```
 * sent      1 m1 ─────────────── 2 m2 3 m3 ───── 4 m4 …
 * answered                    m1              m2
 * ```
 */
export class SendWindow {
  readonly #pieceBytes: number;
  readonly #clock: SendClock;
  readonly #marks: { id: number; bytes: number; at: number }[] = [];
  #window: number;
  #unmarked = 0;
  #underWay = 0;
  #lastId = 0;

  /** @param pieceBytes the most that one piece has */
  constructor(pieceBytes: number, clock: SendClock = { monotonicMs: () => performance.now() }) {
    this.#pieceBytes = pieceBytes;
    this.#window = pieceBytes;
    this.#clock = clock;
  }

  /** Whether there is room for another piece. */
  get hasRoom(): boolean {
    return this.#underWay <= this.#window - this.#pieceBytes;
  }

  /** Nothing that was marked is under way. */
  get isIdle(): boolean {
    return this.#marks.length === 0;
  }

  /** Something was sent. @returns the payload of the ping that the caller sends behind it, if one is due */
  sent(bytes: number): string | undefined {
    this.#unmarked += bytes;
    if (this.#unmarked < MARK_BYTES) return undefined;
    this.#lastId += 1;
    this.#marks.push({ id: this.#lastId, bytes: this.#unmarked, at: this.#clock.monotonicMs() });
    this.#underWay += this.#unmarked;
    this.#unmarked = 0;
    return `mark ${this.#lastId}`;
  }

  /** A pong came: it answers its ping and all before it (RFC 6455, 5.5.3). One that is of no mark is ignored. */
  answered(payload: string): void {
    const id = Number(/^mark (\d+)$/.exec(payload)?.[1]);
    const wasFull = !this.hasRoom;
    for (let mark = this.#marks[0]; mark !== undefined && mark.id <= id; mark = this.#marks[0]) {
      this.#marks.shift();
      this.#underWay -= mark.bytes;
      this.#adapt(mark.bytes, this.#clock.monotonicMs() - mark.at, wasFull);
    }
  }

  #adapt(bytes: number, delayMs: number, wasFull: boolean): void {
    const growMs = this.#window < 2 * this.#pieceBytes ? GROW_FIRST_MS : GROW_MS;
    if (delayMs > SHRINK_MS) this.#window = Math.max(this.#pieceBytes, this.#window / 2);
    else if (wasFull && delayMs < growMs) this.#window = Math.min(MAX_WINDOW_BYTES, this.#window + bytes);
  }
}
