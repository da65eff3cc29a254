import type { Text } from "./text.js";

/** Outside every box: a neighbour that was never reached. Small enough that differences of it fit in 32 bits. */
const NOT_REACHED_FORWARD = -1;
const NOT_REACHED_BACKWARD = 0x3fffffff;

/** A rectangle of the edit graph: `left` to `right` runs over the file before, `top` to `bottom` over the file after. */
export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/**
 * What a search works on, in one array, of which V8 then keeps the address and the length at hand: the classes of both
 * files' lines, and how far paths have come from either corner. Apart, the search takes a fifth longer.
 */
export class EditGraph {
  cells = new Int32Array(256);
  /** Cell `x` is the class of kept line `x` before, cell `after + y` that of kept line `y` after. */
  after = 0;
  /** How many diagonals there are, those beside them included. */
  diagonals = 0;
  readonly forward = new Frontier(NOT_REACHED_FORWARD);
  readonly backward = new Frontier(NOT_REACHED_BACKWARD);
  /** Where the search is. */
  readonly box: Box = { left: 0, right: 0, top: 0, bottom: 0 };

  /** Takes the kept lines of two texts. */
  load(before: Text, after: Text): void {
    const [width, height] = [before.keptCount, after.keptCount];
    const lines = width + height;
    this.diagonals = lines + 3;
    const size = lines + 2 * this.diagonals;
    if (this.cells.length < size) this.cells = new Int32Array(Math.max(size, 2 * this.cells.length));
    const { cells } = this;
    for (let x = 0; x < width; x += 1) cells[x] = before.classes[before.kept[x] as number] as number;
    for (let y = 0; y < height; y += 1) cells[width + y] = after.classes[after.kept[y] as number] as number;
    this.after = width;
    // the lowest diagonal is that of the lower left corner, and there is one beside it
    this.forward.load(cells, lines + height + 1);
    this.backward.load(cells, lines + this.diagonals + height + 1);
    this.box.left = this.box.top = 0;
    this.box.right = width;
    this.box.bottom = height;
  }
}

/**
 * How far paths of one length have come, by diagonal (x minus y), from one corner of a box: Myers' V array.
 * E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986).
 */
export class Frontier {
  /** The cell of diagonal 0: cell `zero + d` is the x that was reached on diagonal `d`. */
  zero = 0;
  /** The diagonals of the last round: `low`, `low + 2`, … `high`. */
  low = 0;
  high = 0;
  /** The diagonal of the corner. */
  middle = 0;
  #least = 0;
  #greatest = 0;
  #cells = new Int32Array(0);
  readonly #unreached: number;

  constructor(unreached: number) {
    this.#unreached = unreached;
  }

  load(cells: Int32Array<ArrayBuffer>, zero: number): void {
    this.#cells = cells;
    this.zero = zero;
  }

  /** Begins at a corner of the box. */
  start(box: Box, x: number, y: number): void {
    this.#least = box.left - box.bottom;
    this.#greatest = box.right - box.top;
    this.middle = this.low = this.high = x - y;
    this.#cells[this.zero + this.middle] = x;
  }

  /** Goes one diagonal further on either side, or, where the box ends, one back, so that the parity is kept. */
  widen(): void {
    if (this.low > this.#least) this.#cells[this.zero + --this.low - 1] = this.#unreached;
    else this.low += 1;
    if (this.high < this.#greatest) this.#cells[this.zero + ++this.high + 1] = this.#unreached;
    else this.high -= 1;
  }

  /** The x that was reached on a diagonal. */
  reached(diagonal: number): number {
    return this.#cells[this.zero + diagonal] as number;
  }
}
