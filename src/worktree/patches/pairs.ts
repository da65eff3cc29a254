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

/** Pairs of changes that are no renames: the same change has the same pair. */
const pairs = new WeakMap<Change, Pair>();

function pairOf(change: Change): Pair {
  let pair = pairs.get(change);
  if (pair === undefined) {
    pair = { ...change, beforePath: change.path, tracked: true, similarity: undefined };
    pairs.set(change, pair);
  }
  return pair;
}

/** Replaces the deletions and additions that are renames by one pair each, at the place of the new path. */
export function pairUp(changes: readonly Change[], renames: readonly RenamedPaths[]): Pair[] {
  if (renames.length === 0) return changes.map(pairOf);
  const byTarget = new Map(renames.map((rename) => [rename.to, rename]));
  const sources = new Set(renames.map((rename) => rename.from));
  const before = new Map(changes.map((change) => [change.path, change.before]));
  return changes.flatMap((change): Pair[] => {
    const rename = byTarget.get(change.path);
    if (rename === undefined) return sources.has(change.path) ? [] : [pairOf(change)];
    const { from, similarity } = rename;
    return [{ ...change, beforePath: from, before: before.get(from), tracked: true, similarity }];
  });
}

/** As a comparison has them: a pair that is given again is the same again. @param isCommitted nothing of it is uncommitted */
export class MarkedPairs {
  readonly #committed = new WeakMap<Pair, Pair>();
  readonly #uncommitted = new WeakMap<Pair, Pair>();

  mark(pair: Pair, isCommitted: boolean): Pair {
    const known = isCommitted ? this.#committed : this.#uncommitted;
    let marked = known.get(pair);
    if (marked === undefined) {
      marked = { ...pair, committed: isCommitted };
      known.set(pair, marked);
    }
    return marked;
  }
}

/** Two pairs of one key with equal signatures have equal patches. @param conversion how attributes say to print it */
export function pairSignature(pair: Pair, conversion: string): string {
  const side = (version: Version | undefined): string =>
    version === undefined
      ? "-"
      : [version.mode.toString(8), version.oid, version.dirty ?? false, version.filterNotRun ?? ""].join(" ");
  return [side(pair.before), side(pair.after), pair.similarity ?? "", pair.beforePath, conversion].join("\0");
}
