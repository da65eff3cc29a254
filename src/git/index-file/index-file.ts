import { dirname, join } from "node:path";
import type { BytePath } from "../io/byte-path.js";
import { corrupt } from "../io/files.js";
import type { ObjectFormat, Oid } from "../objects/object-id.js";
import type { ObjectStore } from "../objects/object-store.js";
import { type CachedTree, parseCachedTree } from "./cached-tree.js";
import { FIELD, type IndexEntries, parseEntries } from "./index-entries.js";
import { IndexTable } from "./index-table.js";
import { expandSparseIndex } from "./sparse-index.js";
import { joinSplitIndex, parseLink } from "./split-index.js";
import type { IndexFile, IndexTime, StatRules, TableOptions } from "./types.js";

/** The index as {@link IndexFile} shows it, and its cached tree for the comparison with HEAD. */
export class ParsedIndexFile extends IndexTable implements IndexFile {
  readonly version: number;
  readonly tree: CachedTree | undefined;

  constructor(version: number, entries: IndexEntries, tree: CachedTree | undefined, options: TableOptions) {
    super(entries, options);
    this.version = version;
    this.tree = tree;
  }

  get cachedTree(): Oid | undefined {
    return this.tree?.oid;
  }

  sameEntry(position: number, other: IndexFile, otherPosition: number): boolean {
    if (!(other instanceof ParsedIndexFile) || this.flags(position) !== other.flags(otherPosition)) return false;
    const length = FIELD.oid + this.options.format.bytes;
    const start = this.start(position);
    const otherStart = other.start(otherPosition);
    const { bytes } = other.entries;
    return (
      this.entries.bytes.compare(bytes, otherStart, otherStart + length, start, start + length) === 0 &&
      this.path(position) === other.path(otherPosition)
    );
  }

  find(path: BytePath): number {
    const key = Buffer.from(path, "latin1");
    const position = this.#lowerBound(key);
    return position < this.count && this.#compare(position, key) === 0 ? position : -1 - position;
  }

  range(directory: BytePath): readonly [start: number, end: number] {
    if (directory === "") return [0, this.count];
    const prefix = Buffer.from(`${directory}/`, "latin1");
    const start = this.#lowerBound(prefix);
    prefix[prefix.length - 1] = 0x30; // the byte after "/"
    return [start, this.#lowerBound(prefix)];
  }

  #lowerBound(key: Buffer): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Negative when the entry's path stands before the key. */
  #compare(position: number, key: Buffer): number {
    const { pathBytes, pathStarts, pathEnds } = this.entries;
    return pathBytes.compare(key, 0, key.length, pathStarts[position], pathEnds[position]);
  }
}

/** An index without entries: what a repository has before the first `git add`. */
export function emptyIndex(format: ObjectFormat, rules: StatRules): ParsedIndexFile {
  const none = new Uint32Array(0);
  const bytes = Buffer.alloc(0);
  const entries = { count: 0, bytes, starts: none, flags: none, pathBytes: bytes, pathStarts: none, pathEnds: none };
  return new ParsedIndexFile(2, entries, undefined, { format, time: { ms: 0 }, rules });
}

/** What an index file needs besides its bytes. */
export interface IndexContext {
  format: ObjectFormat;
  time: IndexTime;
  rules: StatRules;
  /** The bytes of the shared index with this checksum; `undefined` when it is missing. */
  readShared: (checksum: string) => Buffer | undefined;
  /** For the trees of directories that a sparse index holds as one entry. */
  objects: ObjectStore;
}

/**
 * Parses an index file, versions 2 to 4, split and sparse ones too. isomorphic-git reads version 2 only.
 * @param path for errors
 * @throws TreewireError `TW_CORRUPT_REPOSITORY`
 */
export function parseIndex(bytes: Buffer, path: string, context: IndexContext): ParsedIndexFile {
  const { format, objects } = context;
  const parsed = parseEntries(bytes, format, path);
  let { entries } = parsed;
  let tree: CachedTree | undefined;
  for (const { name, content } of extensions(bytes, parsed.end, format, path)) {
    if (name === "TREE") tree = parseCachedTree(content, format);
    else if (name === "link") {
      const link = parseLink(content, format.bytes, path);
      if (link !== undefined) entries = joinSplitIndex(entries, readShared(link.shared, path, context), link, path);
    }
    // An extension in upper case is an optimisation. Without one in lower case the entries mean something else.
    else if (/^[^A-Z]/.test(name) && name !== "sdir") throw corrupt(path, `unknown index extension ${name}`);
  }
  return new ParsedIndexFile(parsed.version, expandSparseIndex(entries, objects, format), tree, context);
}

function readShared(checksum: string, path: string, { format, readShared }: IndexContext): IndexEntries {
  const name = `sharedindex.${checksum}`;
  const bytes = readShared(checksum);
  if (bytes === undefined) throw corrupt(path, `its ${name} is missing`);
  return parseEntries(bytes, format, join(dirname(path), name)).entries;
}

function* extensions(
  bytes: Buffer,
  start: number,
  format: ObjectFormat,
  path: string,
): Generator<{ name: string; content: Buffer }> {
  const limit = bytes.length - format.bytes;
  for (let at = start; at + 8 <= limit; ) {
    const name = bytes.toString("latin1", at, at + 4);
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    if (end > limit) throw corrupt(path, `extension ${JSON.stringify(name)} ends early`);
    yield { name, content: bytes.subarray(at + 8, end) };
    at = end;
  }
}
