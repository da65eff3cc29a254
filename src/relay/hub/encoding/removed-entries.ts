import type { RepositoryChange } from "../../../protocol/index.js";

/** The entries of trees that are no longer there: JSON, with commas between them. */
export interface RemovedEntries {
  readonly json: string;
  /** What they take in a message, in bytes, a comma behind each. */
  readonly bytes: number;
}

/** An entry around its root: `JSON.stringify` of a whole one takes several times as long. */
const [REMOVED_START, REMOVED_END] = entryOf("ROOT").split('"ROOT"') as [string, string];
const REMOVED_BETWEEN = `${REMOVED_END},${REMOVED_START}`;

const NOTHING: RemovedEntries = { json: "", bytes: 0 };

/** Made once for a list in a turn: a chat may have had thousands of trees, and a message measures what it says before it is built. */
const known = new Map<readonly string[], RemovedEntries>();

/** @param roots never changed from here on */
export function removedEntries(roots: readonly string[]): RemovedEntries {
  if (roots.length === 0) return NOTHING;
  let entries = known.get(roots);
  if (entries === undefined) {
    const json = `${REMOVED_START}${roots.map((root) => JSON.stringify(root)).join(REMOVED_BETWEEN)}${REMOVED_END}`;
    entries = { json, bytes: Buffer.byteLength(json) + ",".length };
    if (known.size === 0) setImmediate(() => known.clear()); // it is as large as the message
    known.set(roots, entries);
  }
  return entries;
}

function entryOf(root: string): string {
  const change: RepositoryChange = { repo_root: root, branch: "", unified_diff: "", removed: true };
  return JSON.stringify(change);
}
