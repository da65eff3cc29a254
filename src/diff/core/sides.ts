import { scanLines } from "./lines";
import { allocate, allocateFrom } from "./memory";
import { Text } from "./text";

/** The two files of a comparison. */
export const before: Text = new Text();
export const after: Text = new Text();

/** Takes two files that are in memory, that at the lower address first, and finds their lines: none is marked yet. */
export function loadTexts(beforeAt: usize, beforeSize: usize, afterAt: usize, afterSize: usize): void {
  before.from = beforeAt;
  before.to = beforeAt + beforeSize;
  after.from = afterAt;
  after.to = afterAt + afterSize;
  allocateFrom(after.to + 64);
  scanLines(before);
  scanLines(after);
  clearMarks(before);
  clearMarks(after);
}

function clearMarks(text: Text): void {
  // the marks behind the last line are read too
  const size = (text.count as usize) + 32;
  text.changed = allocate(size);
  memory.fill(text.changed, 0, size);
}
