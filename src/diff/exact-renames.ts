import type { FileSide, Rename } from "./types.js";

/** Of so many deleted files with the same content, one is chosen; the others are not looked at. */
const MAX_ALTERNATIVES = 100;

const KIND_MASK = 0o170000;
const REGULAR_FILE = 0o100000;

/** What is left when the exact renames are found, and the renames. */
export interface ExactRenames {
  /** In the order of the paths they lead to. */
  renames: Rename[];
  /** The deletions and additions that are part of none, ascending by path. */
  deleted: FileSide[];
  added: FileSide[];
}

/**
 * Pairs additions with deletions of the same object id, without reading any content: each addition with a deletion of
 * the same file name if there is one, else with the first by path.
 *
 * @param deleted tracked files that are gone, each path once
 * @param added tracked files that are new, each path once
 * @returns the renames, all of similarity 100, and what is left for {@link detectRenames}
 */
export function exactRenames(deleted: readonly FileSide[], added: readonly FileSide[]): ExactRenames {
  const sources = byPath(deleted);
  const targets = byPath(added);
  const byOid = new Map<string, FileSide[]>();
  for (const source of sources) {
    const same = byOid.get(source.oid);
    if (same === undefined) byOid.set(source.oid, [source]);
    else same.push(source);
  }

  const used = new Set<FileSide>();
  const renames: Rename[] = [];
  for (const to of targets) {
    const from = take(byOid.get(to.oid) ?? [], to);
    if (from === undefined) continue;
    used.add(from);
    used.add(to);
    renames.push({ from, to, similarity: 100 });
  }
  const unused = (side: FileSide) => !used.has(side);
  return { renames, deleted: sources.filter(unused), added: targets.filter(unused) };
}

/** Takes the best source for a target out of those of its object id. */
function take(sources: FileSide[], to: FileSide): FileSide | undefined {
  const name = fileName(to.path);
  let best = -1;
  let alternatives = 0;
  for (const [i, source] of sources.entries()) {
    // what is no regular file must be of the same kind
    if (!(isRegularFile(source) && isRegularFile(to)) && source.mode !== to.mode) continue;
    const sameName = fileName(source.path) === name;
    if (sameName || best < 0) best = i;
    alternatives += 1;
    if (sameName || alternatives === MAX_ALTERNATIVES) break;
  }
  return best < 0 ? undefined : sources.splice(best, 1)[0];
}

function byPath(sides: readonly FileSide[]): FileSide[] {
  return sides.toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

export function isRegularFile({ mode }: FileSide): boolean {
  return (mode & KIND_MASK) === REGULAR_FILE;
}

/** The last part of a path. */
export function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
