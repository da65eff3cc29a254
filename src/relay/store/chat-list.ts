import { z } from "zod";
import { MAX_TREES } from "../../protocol/index.js";

/**
 * How long a root that vanished is named as `removed` to clients that come back, in milliseconds. A client keeps its map
 * across reconnects for as long as its page is open; a week of that is generous.
 */
const TOMBSTONE_MS = 7 * 24 * 60 * 60 * 1000;

/** What a chat has and had, at most. The oldest of what it had goes first. */
const MAX_ROOTS = MAX_TREES;

/** What is named as `removed` goes out in one frame: so many characters of roots, the latest ones. */
export const MAX_TOMBSTONE_UNITS = 2 * 1024 * 1024;

/** A root, and since when it is gone: milliseconds since 1970. */
export const goneSchema = z.array(z.tuple([z.string(), z.int()]));

/** What is kept of a chat: which repositories it shows, and which it showed before. */
export interface ChatList {
  workspace: string;
  /** Ascending. */
  present: readonly string[];
  /** Root → since when it is gone; the latest are the last. */
  gone: ReadonlyMap<string, number>;
}

/**
 * A chat's list when these are its repositories, and no others.
 *
 * @param known the list before
 * @param said `workspace`: whose chat it is at present; `between`: what it had since the list before
 * @param now milliseconds since 1970
 */
export function listAfter(
  known: ChatList | undefined,
  { workspace, present, between = [] }: { workspace: string; present: readonly string[]; between?: Iterable<string> },
  now: number,
): ChatList {
  const gone = new Map(known?.gone);
  for (const root of [...(known?.present ?? []), ...between]) {
    gone.delete(root); // it goes to the end
    gone.set(root, now);
  }
  for (const root of present) gone.delete(root);
  const young = [...gone].filter(([, at]) => at >= now - TOMBSTONE_MS);
  const room = Math.max(0, MAX_ROOTS - present.length);
  const kept = new Map(latestOf(young.slice(Math.max(0, young.length - room)), ([root]) => root));
  return { workspace, present: [...present].sort(), gone: kept };
}

const NO_ROOTS: readonly string[] = [];

/** What is named of a list, and the first and the last time of which that is true: milliseconds since 1970. */
interface Named {
  roots: readonly string[];
  from: number;
  to: number;
}

/** Made once for a list, and once more when a root is too old: each client that comes is named thousands of them. */
const named = new WeakMap<ChatList, Named>();

/**
 * What is named as `removed`, ascending.
 *
 * @param list never changed from here on
 * @param now milliseconds since 1970
 * @returns the same array for the same list, as long as it says the same
 */
export function tombstonesOf(list: ChatList | undefined, now: number): readonly string[] {
  if (list === undefined) return NO_ROOTS;
  let known = named.get(list);
  if (known === undefined || now < known.from || now > known.to) {
    const young = [...list.gone].filter(([, at]) => at >= now - TOMBSTONE_MS);
    const oldest = young.reduce((least, [, at]) => Math.min(least, at), Number.POSITIVE_INFINITY);
    known = { roots: young.map(([root]) => root).sort(), from: now, to: oldest + TOMBSTONE_MS };
    named.set(list, known);
  }
  return known.roots;
}

/** How long roots are together, in characters. */
export function unitsOf(roots: Iterable<string>): number {
  let sum = 0;
  for (const root of roots) sum += root.length;
  return sum;
}

export function unitsIn({ present, gone }: ChatList): number {
  return unitsOf(present) + unitsOf(gone.keys());
}

/** How many roots a chat has and had. */
export function rowsIn({ present, gone }: ChatList): number {
  return present.length + gone.size;
}

/** As many of the last entries as are named to a client, by the lengths of their roots. */
export function latestOf<T>(entries: readonly T[], rootOf: (entry: T) => string): T[] {
  let left = MAX_TOMBSTONE_UNITS;
  const from = entries.findLastIndex((entry) => {
    left -= rootOf(entry).length;
    return left < 0;
  });
  return entries.slice(from + 1);
}

/** Whether both say the same, whenever what is gone went. */
export function isSameList(a: ChatList, b: ChatList): boolean {
  return (
    a.workspace === b.workspace &&
    a.present.length === b.present.length &&
    a.gone.size === b.gone.size &&
    a.present.every((root, at) => root === b.present[at]) &&
    [...a.gone.keys()].every((root) => b.gone.has(root))
  );
}
