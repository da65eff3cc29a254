/** Outside every box: a neighbour that was never reached. */
const NOT_REACHED_FORWARD = -1;
const NOT_REACHED_BACKWARD = 0x7fffffff;

/** A rectangle of the edit graph: `left` runs over the file before, `top` over the file after. */
export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/**
 * How far paths of one length have come, by diagonal (x minus y), from one corner of a box: Myers' V array.
 * E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986).
 */
export class Frontier {
  /** x by diagonal, displaced by `origin`. */
  readonly reach: Int32Array;
  readonly origin: number;
  /** The diagonals of the last round: `low`, `low + 2`, … `high`. */
  low = 0;
  high = 0;
  /** The diagonal of the corner. */
  middle = 0;
  #least = 0;
  #greatest = 0;
  readonly #unreached: number;

  /** @param width and @param height of the largest box */
  constructor(width: number, height: number, direction: "forward" | "backward") {
    this.reach = new Int32Array(width + height + 3);
    this.origin = height + 1;
    this.#unreached = direction === "forward" ? NOT_REACHED_FORWARD : NOT_REACHED_BACKWARD;
  }

  /** Begins at a corner of the box. */
  start(box: Box, x: number, y: number): void {
    this.#least = box.left - box.bottom;
    this.#greatest = box.right - box.top;
    this.middle = this.low = this.high = x - y;
    this.reach[this.origin + this.middle] = x;
  }

  /** Goes one diagonal further on either side, or, where the box ends, one back, so that the parity is kept. */
  widen(): void {
    if (this.low > this.#least) this.reach[this.origin + --this.low - 1] = this.#unreached;
    else this.low += 1;
    if (this.high < this.#greatest) this.reach[this.origin + ++this.high + 1] = this.#unreached;
    else this.high -= 1;
  }
}
