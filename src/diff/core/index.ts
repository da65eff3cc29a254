import { markChanges } from "./compare";
import { additions, deletions, output, outputLength, printHunks } from "./print";
import { after, before, loadTexts } from "./sides";

export * from "./steps";

/** Behind the objects of all modules, which last as long as the program. */
const bottom: usize = heap.alloc(64) + 64;

/** The lowest address where a file may stand. */
export function lowest(): usize {
  return bottom;
}

/**
 * Prints the hunks of two files that are in memory: `beforeSize` bytes at `beforeAt`, and behind them, with room for a
 * vector between, `afterSize` bytes at `afterAt`.
 *
 * @returns the length of what is printed, in bytes; {@link outputAt} says where it is
 */
export function compare(
  beforeAt: usize,
  beforeSize: usize,
  afterAt: usize,
  afterSize: usize,
  contextLines: i32,
  hasPattern: bool,
): usize {
  loadTexts(beforeAt, beforeSize, afterAt, afterSize);
  markChanges();
  printHunks(before, after, contextLines, hasPattern);
  return outputLength;
}

export function outputAt(): usize {
  return output;
}

/** How many lines of the two files that were compared last are deleted, and added. */
export function deletedLines(): i32 {
  return deletions;
}

export function addedLines(): i32 {
  return additions;
}
