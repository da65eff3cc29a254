import { compareTexts } from "./compare.js";
import { gatherHunks } from "./hunks.js";
import { printHunks } from "./print.js";
import type { DiffOptions } from "./types.js";
import { withoutLongTail } from "./without-long-tail.js";
import { inWorkspace, type Workspace } from "./workspace.js";

const DEFAULT_CONTEXT_LINES = 3;

/** How many lines of one file are added and deleted. */
export interface Counts {
  additions: number;
  deletions: number;
}

/**
 * What `git diff` prints for two versions of a file, from the first `@@` to the last line feed: byte for byte, whatever
 * the bytes. Nothing is decoded; whether the content is binary is not asked (see `looksBinary`).
 *
 * @param before the old content; not changed
 * @param after the new content; not changed
 * @param options lines of context (default 3, whole, 0 or more), and the pattern of function heads
 * @returns empty when the two are the same
 * @throws RangeError when `contextLines` is not a whole number, 0 or more
 */
export function unifiedHunks(before: Uint8Array, after: Uint8Array, options: DiffOptions = {}): Uint8Array {
  return inWorkspace((workspace) => {
    appendHunks(workspace, before, after, options);
    return workspace.writer.copy();
  });
}

/** As {@link unifiedHunks}, into the writer of a workspace. */
export function appendHunks(workspace: Workspace, before: Uint8Array, after: Uint8Array, options: DiffOptions): Counts {
  const { contextLines = DEFAULT_CONTEXT_LINES, functionPattern } = options;
  if (!Number.isSafeInteger(contextLines) || contextLines < 0) {
    throw new RangeError(`contextLines is ${contextLines}; give a whole number, 0 or more`);
  }
  const [oldBytes, newBytes] = contextLines === 0 ? withoutLongTail(before, after) : [before, after];
  workspace.before.load(oldBytes);
  workspace.after.load(newBytes);
  compareTexts(workspace);
  const hunks = gatherHunks(workspace.before, workspace.after, contextLines);
  printHunks(workspace.writer, workspace.before, workspace.after, hunks, functionPattern);

  let additions = 0;
  let deletions = 0;
  for (const { changes } of hunks) {
    for (const { beforeStart, beforeEnd, afterStart, afterEnd } of changes) {
      deletions += beforeEnd - beforeStart;
      additions += afterEnd - afterStart;
    }
  }
  return { additions, deletions };
}
