import type { FileSide } from "../../diff/index.js";
import { isFileMode } from "../file-mode.js";

/** Files of which one is more than so many times as large as the other are less than half alike. */
const MAX_RATIO = 2;

/**
 * The deleted and added files whose content has to be read to find renames among them: regular ones, for which there is
 * one on the other side that is neither less than half nor more than twice as large. Git looks at sizes first, too.
 *
 * @param sizeOf in bytes
 */
export function withSimilarSizes(
  deleted: readonly FileSide[],
  added: readonly FileSide[],
  sizeOf: (side: FileSide) => number,
): ReadonlySet<FileSide> {
  const sized = (sides: readonly FileSide[]): Sized[] =>
    sides.filter(({ mode }) => isFileMode(mode)).map((side) => ({ side, size: sizeOf(side) }));
  const [gone, come] = [sized(deleted), sized(added)];
  return new Set([...matched(gone, come), ...matched(come, gone)]);
}

interface Sized {
  side: FileSide;
  size: number;
}

function matched(sides: readonly Sized[], others: readonly Sized[]): FileSide[] {
  const sizes = others.map(({ size }) => size).sort((one, other) => one - other);
  return sides.filter(({ size }) => smallestFrom(sizes, size / MAX_RATIO) <= size * MAX_RATIO).map(({ side }) => side);
}

/** The smallest of ascending sizes that is at least `least`; infinite when there is none. */
function smallestFrom(sizes: readonly number[], least: number): number {
  let low = 0;
  let high = sizes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sizes[middle] ?? 0) < least) low = middle + 1;
    else high = middle;
  }
  return sizes[low] ?? Number.POSITIVE_INFINITY;
}
