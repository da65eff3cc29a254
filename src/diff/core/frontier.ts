import { allocate } from "./memory";

// How far paths of one length have come, by diagonal (x minus y), from one corner of a box: Myers' V array. E. W. Myers,
// "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986).
//
// A round writes every other diagonal, and reads those between, which the round before wrote. So even and odd diagonals
// have an array each: what a round reads and what it writes then lie one after another, four to a vector.

export class Frontier {
  /** Addresses of diagonals 0 and 1: see {@link at}. */
  even: usize = 0;
  odd: usize = 0;
  /** The diagonals of the last round: `low`, `low + 2`, … `high`. */
  low: i32 = 0;
  high: i32 = 0;
  /** The diagonal of the corner. */
  middle: i32 = 0;
  /** The box's outermost diagonals. */
  least: i32 = 0;
  greatest: i32 = 0;
  /** Outside every box: a neighbour that was never reached. */
  unreached: i32 = 0;

  /** Makes room for the diagonals of a graph of so many lines before, and after. */
  load(width: i32, height: i32, unreached: i32): void {
    const below = (((height >>> 1) + 8) as usize) << 2;
    const size = below + ((((width >>> 1) + 8) as usize) << 2);
    this.even = allocate(size) + below;
    this.odd = allocate(size) + below;
    this.unreached = unreached;
  }

  /** The address of a diagonal. */
  at(diagonal: i32): usize {
    return (diagonal & 1 ? this.odd : this.even) + (((diagonal >> 1) << 2) as usize);
  }

  /** The x that was reached on a diagonal. */
  reached(diagonal: i32): i32 {
    return load<i32>(this.at(diagonal));
  }

  /** Begins at a corner of a box. */
  start(least: i32, greatest: i32, x: i32, y: i32): void {
    this.least = least;
    this.greatest = greatest;
    this.middle = this.low = this.high = x - y;
    store<i32>(this.at(this.middle), x);
  }

  /** Goes one diagonal further on either side, or, where the box ends, one back, so that the parity is kept. */
  widen(): void {
    if (this.low > this.least) {
      this.low -= 1;
      store<i32>(this.at(this.low - 1), this.unreached);
    } else this.low += 1;
    if (this.high < this.greatest) {
      this.high += 1;
      store<i32>(this.at(this.high + 1), this.unreached);
    } else this.high -= 1;
  }
}
