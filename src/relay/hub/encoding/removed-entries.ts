import type { RepositoryChange } from "../../../protocol/index.js";

/** The entries of trees that are no longer there: JSON, with commas between them. */
export interface RemovedEntries {
  readonly json: string;
  /** What they take in a message, in bytes, a comma behind each. */
  readonly bytes: number;
}

const NOTHING: RemovedEntries = { json: "", bytes: 0 };

/** Made once for a list: a chat may have had thousands of trees, and a message measures what it says before it is built. */
const known = new WeakMap<readonly string[], RemovedEntries>();

/** @param roots never changed from here on */
export function removedEntries(roots: readonly string[]): RemovedEntries {
  if (roots.length === 0) return NOTHING;
  let entries = known.get(roots);
  if (entries === undefined) {
    const json = roots.map(removedJson).join(",");
    entries = { json, bytes: Buffer.byteLength(json) + ",".length };
    known.set(roots, entries);
  }
  return entries;
}

function removedJson(root: string): string {
  const change: RepositoryChange = { repo_root: root, branch: "", unified_diff: "", removed: true };
  return JSON.stringify(change);
}
