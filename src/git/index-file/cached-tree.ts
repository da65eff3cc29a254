import type { BytePath } from "../io/byte-path.js";
import type { ObjectFormat, Oid } from "../objects/object-id.js";

/** One directory of the cached tree: the tree object that its entries make, until something below it changes. */
export interface CachedTree {
  /** `undefined`: something below changed since. */
  readonly oid: Oid | undefined;
  /** How many index entries stand below. */
  readonly entryCount: number;
  readonly children: ReadonlyMap<BytePath, CachedTree>;
}

/** Directories nest no deeper than a path of the index has room for. */
const MAX_DEPTH = 4096;

const NO_CHILDREN: ReadonlyMap<BytePath, CachedTree> = new Map();

/**
 * Reads the `TREE` extension. Format: <https://git-scm.com/docs/index-format#_cache_tree>. What is below the root is read
 * when it is first asked for, which is when something is staged.
 *
 * @returns `undefined` when it is damaged: git ignores a damaged one, too, as it only saves work. Damage below the root makes
 *   the root have no children
 */
export function parseCachedTree(bytes: Buffer, format: ObjectFormat): CachedTree | undefined {
  const cursor = { at: 0 };
  const root = parseLine(bytes, cursor, format);
  if (root === undefined) return undefined;
  const { oid, entryCount, childCount } = root;
  let children: ReadonlyMap<BytePath, CachedTree> | undefined;
  return {
    oid,
    entryCount,
    get children() {
      children ??= parseChildren(bytes, cursor, format, childCount, 1) ?? NO_CHILDREN;
      return children;
    },
  };
}

/** @returns `undefined` when damaged */
function parseChildren(
  bytes: Buffer,
  cursor: { at: number },
  format: ObjectFormat,
  count: number,
  depth: number,
): ReadonlyMap<BytePath, CachedTree> | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const children = new Map<BytePath, CachedTree>();
  for (let left = count; left > 0; left -= 1) {
    const line = parseLine(bytes, cursor, format);
    const below = line && parseChildren(bytes, cursor, format, line.childCount, depth + 1);
    if (line === undefined || below === undefined) return undefined;
    children.set(line.name, { oid: line.oid, entryCount: line.entryCount, children: below });
  }
  return children;
}

interface Line {
  name: BytePath;
  oid: Oid | undefined;
  entryCount: number;
  childCount: number;
}

function parseLine(bytes: Buffer, cursor: { at: number }, format: ObjectFormat): Line | undefined {
  const nul = bytes.indexOf(0, cursor.at);
  const lineEnd = bytes.indexOf(0x0a, nul);
  if (nul < 0 || lineEnd < 0) return undefined;
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
  return { name, oid, entryCount, childCount: Number(counts[2]) };
}
