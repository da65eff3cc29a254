import type { BytePath } from "../io/byte-path.js";
import { corrupt } from "../io/files.js";
import { MODE_FILE, MODE_LINK, MODE_SUBMODULE, MODE_TREE, MODE_TYPE } from "./git-object.js";
import type { ObjectFormat, Oid } from "./object-id.js";
import type { ObjectStore } from "./object-store.js";

/** One entry of one tree object. */
export interface TreeItem {
  /** One component, one character per byte. */
  name: BytePath;
  mode: number;
  oid: Oid;
}

/** Tags of tags are followed no deeper than this. */
const MAX_TAG_DEPTH = 10;

/**
 * The entries of a tree, in git's order.
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` naming the object
 */
export function readTree(objects: ObjectStore, oid: Oid, format: ObjectFormat): TreeItem[] {
  if (oid === format.emptyTree) return [];
  const { type, content } = objects.read(oid);
  if (type !== "tree") throw corrupt(`object ${oid}`, `a ${type} where a tree should be`);
  const items: TreeItem[] = [];
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at);
    const nul = content.indexOf(0, space);
    const end = nul + 1 + format.bytes;
    const mode = space < 0 ? Number.NaN : Number.parseInt(content.toString("latin1", at, space), 8);
    if (nul < 0 || end > content.length || Number.isNaN(mode)) throw corrupt(`object ${oid}`, "damaged tree");
    items.push({
      name: content.toString("latin1", space + 1, nul),
      mode: canonicalMode(mode),
      oid: content.toString("hex", nul + 1, end),
    });
    at = end;
  }
  return items;
}

/**
 * The id of a commit's tree. @param oid the commit, or a tag of it
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` naming the object
 */
export function readCommitTree(objects: ObjectStore, oid: Oid, depth = 0): Oid {
  const { type, content } = objects.read(oid);
  if (type === "tag" && depth < MAX_TAG_DEPTH) {
    const tagged = /^object ([0-9a-f]+)\n/.exec(content.toString("latin1", 0, 80))?.[1];
    if (tagged === undefined) throw corrupt(`object ${oid}`, "damaged tag");
    return readCommitTree(objects, tagged, depth + 1);
  }
  if (type !== "commit") throw corrupt(`object ${oid}`, `a ${type} where a commit should be`);
  const tree = /^tree ([0-9a-f]+)\n/.exec(content.toString("latin1", 0, 80))?.[1];
  if (tree === undefined) throw corrupt(`object ${oid}`, "damaged commit");
  return tree;
}

/** Old tools wrote other permission bits (100664); git reads them as one of these. */
function canonicalMode(mode: number): number {
  const type = mode & MODE_TYPE;
  if (type === MODE_FILE) return MODE_FILE | ((mode & 0o100) === 0 ? 0o644 : 0o755);
  if (type === MODE_LINK || type === MODE_TREE) return type;
  return MODE_SUBMODULE;
}
