import { type Core, withCore } from "./core.js";
import type { DiffOptions } from "./types.js";
import { withoutLongTail } from "./without-long-tail.js";

const DEFAULT_CONTEXT_LINES = 3;

/**
 * What `git diff` prints for two versions of a file, from the first `@@` to the last line feed: byte for byte, whatever
 * the bytes. Nothing is decoded; whether the content is binary is not asked (see `looksBinary`).
 *
 * @param before the old content; not changed
 * @param after the new content; not changed
 * @param options lines of context (default 3, whole, 0 or more), and the pattern of function heads
 * @returns empty when the two are the same
 * @throws RangeError when `contextLines` is not a whole number, 0 or more, and when the files are too large: with what is
 *   kept about their lines, they have to fit in 4 GB
 */
export function unifiedHunks(before: Uint8Array, after: Uint8Array, options: DiffOptions = {}): Uint8Array {
  return withCore((core) => {
    compareInto(core, before, after, options);
    return core.output();
  });
}

/** As {@link unifiedHunks}; the core then has the hunks. */
export function compareInto(core: Core, before: Uint8Array, after: Uint8Array, options: DiffOptions): void {
  const { contextLines = DEFAULT_CONTEXT_LINES, functionPattern } = options;
  if (!Number.isSafeInteger(contextLines) || contextLines < 0) {
    throw new RangeError(`contextLines is ${contextLines}; give a whole number, 0 or more`);
  }
  const [oldBytes, newBytes] = contextLines === 0 ? withoutLongTail(before, after) : [before, after];
  core.compare(oldBytes, newBytes, contextLines, functionPattern);
}
