import { messageOf } from "../../util/index.js";
import { corrupt } from "../io/files.js";
import { readEwah } from "./ewah.js";
import { ENTRY_STAGE, type IndexEntries } from "./index-entries.js";

/** What the `link` extension of a split index says. */
export interface SplitLink {
  /** The checksum of the shared index, which is part of its file's name; hexadecimal. */
  shared: string;
  /** Positions in the shared index. */
  deleted: number[];
  replaced: number[];
}

/**
 * Reads the `link` extension. Format: <https://git-scm.com/docs/index-format#_split_index>.
 * @returns `undefined` when there is no shared index behind it
 * @throws TreewireError `TW_CORRUPT_REPOSITORY`
 */
export function parseLink(content: Buffer, hashBytes: number, path: string): SplitLink | undefined {
  const shared = content.toString("hex", 0, hashBytes);
  if (content.length < hashBytes) throw corrupt(path, "damaged link to a shared index");
  if (/^0+$/.test(shared)) return undefined;
  if (content.length === hashBytes) return { shared, deleted: [], replaced: [] };
  const cursor = { bytes: content, at: hashBytes };
  try {
    return { shared, deleted: readEwah(cursor, MAX_ENTRIES), replaced: readEwah(cursor, MAX_ENTRIES) };
  } catch (thrown) {
    throw corrupt(path, `damaged link to a shared index: ${messageOf(thrown)}`, thrown);
  }
}

/** More than an index of 2 GiB can hold. */
const MAX_ENTRIES = 2 ** 26;

/**
 * Merges a split index with its shared one: entries without a name replace, in order, those that the link marks as
 * replaced; the others are added.
 *
 * @param path of the split index, for errors
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` when the marks do not fit
 */
export function joinSplitIndex(own: IndexEntries, shared: IndexEntries, link: SplitLink, path: string): IndexEntries {
  const merged = new MergedEntries(own, shared);
  const deleted = new Set(link.deleted);
  const replacements = new Map(link.replaced.map((position, order) => [position, order]));
  if (replacements.size > own.count) throw corrupt(path, "more replaced entries than entries");
  let added = replacements.size;
  for (let position = 0; position < shared.count; position += 1) {
    for (; added < own.count; added += 1) {
      const order = merged.compare(added, position);
      if (order > 0) break;
      if (order === 0) deleted.add(position);
      merged.push("own", added, "own", added);
    }
    if (deleted.has(position)) continue;
    const replacement = replacements.get(position);
    if (replacement === undefined) merged.push("shared", position, "shared", position);
    else merged.push("own", replacement, "shared", position);
  }
  for (; added < own.count; added += 1) merged.push("own", added, "own", added);
  return merged.finish();
}

/** Entries of two indexes, whose bytes are put behind each other so that one position says which is meant. */
class MergedEntries {
  readonly #sources: { own: IndexEntries; shared: IndexEntries };
  readonly #result: IndexEntries;
  readonly #shift: number;
  readonly #pathShift: number;

  constructor(own: IndexEntries, shared: IndexEntries) {
    this.#sources = { own, shared };
    this.#shift = own.bytes.length;
    this.#pathShift = own.pathBytes.length;
    const most = own.count + shared.count;
    this.#result = {
      count: 0,
      bytes: Buffer.concat([own.bytes, shared.bytes]),
      pathBytes: Buffer.concat([own.pathBytes, shared.pathBytes]),
      starts: new Uint32Array(most),
      flags: new Uint32Array(most),
      pathStarts: new Uint32Array(most),
      pathEnds: new Uint32Array(most),
    };
  }

  /** Order of an own entry and a shared one, by path and stage. */
  compare(ownPosition: number, sharedPosition: number): number {
    const { own, shared } = this.#sources;
    const order = own.pathBytes.compare(
      shared.pathBytes,
      shared.pathStarts[sharedPosition],
      shared.pathEnds[sharedPosition],
      own.pathStarts[ownPosition],
      own.pathEnds[ownPosition],
    );
    const stage = (flags: number | undefined): number => (flags ?? 0) & ENTRY_STAGE;
    return order || stage(own.flags[ownPosition]) - stage(shared.flags[sharedPosition]);
  }

  push(fieldsFrom: "own" | "shared", position: number, pathFrom: "own" | "shared", pathPosition: number): void {
    const result = this.#result;
    const fields = this.#sources[fieldsFrom];
    const path = this.#sources[pathFrom];
    const shift = fieldsFrom === "own" ? 0 : this.#shift;
    const pathShift = pathFrom === "own" ? 0 : this.#pathShift;
    result.starts[result.count] = (fields.starts[position] ?? 0) + shift;
    result.flags[result.count] = fields.flags[position] ?? 0;
    result.pathStarts[result.count] = (path.pathStarts[pathPosition] ?? 0) + pathShift;
    result.pathEnds[result.count] = (path.pathEnds[pathPosition] ?? 0) + pathShift;
    result.count += 1;
  }

  finish(): IndexEntries {
    return this.#result;
  }
}
