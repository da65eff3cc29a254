import type { Change, Version } from "./changes.js";

/** One patch to print: a change, or a deletion and an addition that are one renamed file. */
export interface Pair {
  /** Where the patch stands in the diff: the new path, or that of a deleted file. */
  readonly path: string;
  /** The path before; equal to `path` unless renamed. */
  readonly beforePath: string;
  readonly before: Version | undefined;
  readonly after: Version | undefined;
  /** Whether it is of a file that HEAD or the index has. */
  readonly tracked: boolean;
  /** Of a comparison with something else than HEAD: nothing of it is uncommitted. */
  readonly committed?: boolean;
  /** Hundredths, when renamed. */
  readonly similarity: number | undefined;
}

/** A rename as the detection reports it: byte paths. */
export interface RenamedPaths {
  readonly from: string;
  readonly to: string;
  readonly similarity: number;
}

/** Replaces the deletions and additions that are renames by one pair each, at the place of the new path. */
export function pairUp(changes: readonly Change[], renames: readonly RenamedPaths[]): Pair[] {
  const byTarget = new Map(renames.map((rename) => [rename.to, rename]));
  const sources = new Set(renames.map((rename) => rename.from));
  const before = new Map(changes.map((change) => [change.path, change.before]));
  const pairs: Pair[] = [];
  for (const change of changes) {
    const rename = byTarget.get(change.path);
    if (rename !== undefined) {
      const { from, similarity } = rename;
      pairs.push({ ...change, beforePath: from, before: before.get(from), tracked: true, similarity });
    } else if (!sources.has(change.path)) {
      pairs.push({ ...change, beforePath: change.path, tracked: true, similarity: undefined });
    }
  }
  return pairs;
}

/** Two pairs of one key with equal signatures have equal patches. @param conversion how attributes say to print it */
export function pairSignature(pair: Pair, conversion: string): string {
  const side = (version: Version | undefined): string =>
    version === undefined
      ? "-"
      : [version.mode.toString(8), version.oid, version.dirty ?? false, version.filterNotRun ?? ""].join(" ");
  return [side(pair.before), side(pair.after), pair.similarity ?? "", pair.beforePath, conversion].join("\0");
}
