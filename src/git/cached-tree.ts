import type { ObjectFormat } from "./object-id.js";
import type { BytePath, Oid } from "./types.js";

/** What the index knows of one directory: which tree its entries are, unless something below changed. */
export interface CachedTree {
  /** `undefined`: something below changed since. */
  oid: Oid | undefined;
  /** How many index entries stand below. */
  entryCount: number;
  children: ReadonlyMap<BytePath, CachedTree>;
}

/** Directories nest no deeper than a path of the index has room for. */
const MAX_DEPTH = 4096;

/**
 * Reads the `TREE` extension. Format: <https://git-scm.com/docs/index-format#_cache_tree>.
 * @returns `undefined` when it is damaged: it only saves work, so it is left aside, as git does
 */
export function parseCachedTree(bytes: Buffer, format: ObjectFormat): CachedTree | undefined {
  const cursor = { at: 0 };
  return parseNode(bytes, cursor, format, 0)?.[1];
}

function parseNode(
  bytes: Buffer,
  cursor: { at: number },
  format: ObjectFormat,
  depth: number,
): [BytePath, CachedTree] | undefined {
  const nul = bytes.indexOf(0, cursor.at);
  const lineEnd = bytes.indexOf(0x0a, nul);
  if (nul < 0 || lineEnd < 0 || depth > MAX_DEPTH) return undefined;
  const counts = /^(-?\d+) (\d+)$/.exec(bytes.toString("latin1", nul + 1, Math.min(lineEnd, nul + 32)));
  if (counts === null) return undefined;
  const name = bytes.toString("latin1", cursor.at, nul);
  const entryCount = Number(counts[1]);
  cursor.at = lineEnd + 1;
  let oid: Oid | undefined;
  if (entryCount >= 0) {
    if (cursor.at + format.bytes > bytes.length) return undefined;
    oid = bytes.toString("hex", cursor.at, cursor.at + format.bytes);
    cursor.at += format.bytes;
  }
  const children = new Map<BytePath, CachedTree>();
  for (let left = Number(counts[2]); left > 0; left -= 1) {
    const child = parseNode(bytes, cursor, format, depth + 1);
    if (child === undefined) return undefined;
    children.set(...child);
  }
  return [name, { oid, entryCount, children }];
}
