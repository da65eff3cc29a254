import {
  fileWithoutHunks,
  firstUntracked,
  leaveOutDirectories,
  patchSize,
  type TreeFile,
  type TreeMeta,
  unifiedDiff,
} from "../../../protocol/index.js";
import { jsonSize, jsonTextBytes, totalSize } from "./json-size.js";
import { RepositoryEntry } from "./repository-entry.js";

/** A tree as clients are shown it, within the limit of one tree. */
export interface ShownTree {
  readonly root: string;
  readonly meta: TreeMeta;
  /** Ascending by key. */
  readonly files: readonly TreeFile[];
  readonly entry: RepositoryEntry;
}

/** What a message carries of a tree. */
export interface FittedEntry {
  /** The tree's own, where nothing had to be left out. */
  readonly entry: RepositoryEntry;
  /** What it takes at most in a message, in bytes of JSON. */
  readonly bytes: number;
}

/** What says that hunks are left out of a tree, without their names. */
const MARK_BYTES = '"truncated":true,"omitted_files":[],'.length;

/**
 * A hunk's size and its place are sorted as one number, which is exact: the place has so many values, and the hunks of one
 * tree, which are 3 MiB at most, are no more than six times as long in JSON.
 */
const PLACES = 2 ** 28;

/** A tree, measured. */
interface Part {
  readonly tree: ShownTree;
  /** What it takes as it is, in bytes of JSON. */
  readonly total: number;
  /** What it takes at least while its files keep their headers. */
  readonly least: number;
  /** What it takes besides once hunks are left out of it. */
  readonly mark: number;
}

/**
 * Leaves out of trees what is more than a message may have (docs/protocol.md, "Stream messages"). The largest hunks of all
 * trees go first, of equal ones the later first. Where that is not enough, the trees that have the most left lose directories
 * of untracked files, and then their diff, as one does that is too large by itself.
 *
 * @param trees in their order
 * @param room bytes of JSON that all entries may have, with a comma each
 * @returns in the same order; more than `room` only where names and branches alone are
 */
export function fitEntries(trees: readonly ShownTree[], room: number): FittedEntry[] {
  const totals = trees.map(totalOf);
  const all = totals.reduce((sum, total) => sum + total, 0);
  if (all <= room) return trees.map(({ entry }, at) => ({ entry, bytes: totals[at] ?? 0 }));
  return withoutHunks(withoutHeaders(trees.map(measure), room), room);
}

/** A tree with less in it. */
function shownTree({ root }: ShownTree, meta: TreeMeta, files: readonly TreeFile[]): ShownTree {
  return { root, meta, files, entry: new RepositoryEntry(root, meta, { files, tooLargeBytes: 0 }) };
}

/** What a tree takes as it is, in bytes of JSON. */
function totalOf({ entry, files, meta }: ShownTree): number {
  let total = entry.bytesAround + sentenceBytes(meta);
  for (const file of files) total += totalSize(file);
  return total;
}

function sentenceBytes(meta: TreeMeta): number {
  return meta.too_large_bytes > 0 ? jsonTextBytes(unifiedDiff([], meta.too_large_bytes)) : 0;
}

function measure(tree: ShownTree): Part {
  const total = totalOf(tree);
  let least = tree.entry.bytesAround + sentenceBytes(tree.meta);
  for (const file of tree.files) least += jsonSize(file).least;
  const mark = least < total ? MARK_BYTES : 0;
  return { tree, total, least: least + mark, mark };
}

/** Makes the headers fit, as far as they can: of the tree first that has the most of them. */
function withoutHeaders(parts: readonly Part[], room: number): Part[] {
  const left = [...parts];
  let excess = parts.reduce((sum, { least }) => sum + least, 0) - room;
  const leastAt = (at: number): number => left[at]?.least ?? 0;
  for (const at of [...left.keys()].sort((a, b) => leastAt(b) - leastAt(a) || b - a)) {
    const part = left[at];
    if (excess <= 0 || part === undefined) break;
    const smaller = reduced(part, part.least - excess);
    if (smaller.least >= part.least) continue;
    left[at] = smaller;
    excess -= part.least - smaller.least;
  }
  return left;
}

/** A tree without directories of untracked files, or without its diff where that is not enough. @param room bytes of JSON */
function reduced({ tree, least }: Part, room: number): Part {
  const { files, meta } = tree;
  const from = firstUntracked(files);
  const untracked = files.slice(from);
  const headers = { utf8: 0, json: 0 };
  for (const file of untracked) {
    headers.utf8 += patchSize(file).least;
    headers.json += jsonSize(file).least;
  }
  // directories are left out by bytes of UTF-8: what was saved is measured again
  const limit = Math.floor((room - (least - headers.json)) * (headers.utf8 / headers.json));
  if (limit > 0) {
    const left = measure(
      shownTree(tree, meta, [...files.slice(0, from), ...leaveOutDirectories(untracked, limit, [])]),
    );
    if (left.least <= room) return left;
  }
  const bytes = files.reduce((sum, file) => sum + patchSize(file).total, 0);
  return bytes === 0 ? measure(tree) : measure(shownTree(tree, { ...meta, too_large_bytes: bytes }, []));
}

/** Leaves out the largest hunks, until the rest fits or none are left. */
function withoutHunks(parts: readonly Part[], room: number): FittedEntry[] {
  const places = parts.flatMap(({ tree }, part) => tree.files.map((file, at) => ({ part, at, file })));
  const bySize = Float64Array.from(places, ({ file }, place) => {
    const { hunks, total, least } = jsonSize(file);
    return least < total ? hunks * PLACES + place : 0;
  }).sort();
  const bytes = parts.map(({ total, mark }) => total + mark);
  const short = parts.map(() => new Map<number, TreeFile>());
  let excess = bytes.reduce((sum, each) => sum + each, 0) - room;
  for (let rank = bySize.length - 1; rank >= 0 && excess > 0; rank -= 1) {
    const place = places[(bySize[rank] ?? 0) % PLACES];
    if (place === undefined || bySize[rank] === 0) break;
    const { part, at, file } = place;
    const { total, least } = jsonSize(file);
    short[part]?.set(at, fileWithoutHunks(file));
    bytes[part] = (bytes[part] ?? 0) - (total - least);
    excess -= total - least;
  }
  return parts.map(({ tree }, part) => {
    const left = short[part];
    const files = left?.size ? tree.files.map((file, at) => left.get(at) ?? file) : tree.files;
    const { entry } = files === tree.files ? tree : shownTree(tree, tree.meta, files);
    return { entry, bytes: bytes[part] ?? 0 };
  });
}
