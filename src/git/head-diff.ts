import type { CachedTree } from "./index-file/cached-tree.js";
import type { ParsedIndexFile } from "./index-file/index-file.js";
import type { BytePath } from "./io/byte-path.js";
import type { TreeEntry } from "./objects/git-object.js";
import { MODE_TREE } from "./objects/git-object.js";
import type { ObjectFormat, Oid } from "./objects/object-id.js";
import type { ObjectStore } from "./objects/object-store.js";
import { readTree } from "./objects/tree-object.js";

/** HEAD's entry of each path where HEAD and the index differ; `undefined` where HEAD lacks the path. */
export type HeadDifferences = Map<BytePath, TreeEntry | undefined>;

/**
 * Compares HEAD's tree with the index. Directories that the index's cached tree proves equal are skipped, so that the
 * cost follows what is staged and not the size of the tree.
 *
 * @param tree HEAD's
 * @throws TreewireError as {@link ObjectStore.read} does
 */
export function compareHeadWithIndex(
  objects: ObjectStore,
  format: ObjectFormat,
  index: ParsedIndexFile,
  tree: Oid,
): HeadDifferences {
  const differences: HeadDifferences = new Map();
  new Comparison(objects, format, index, differences).compareTree(tree, "", index.tree, 0, index.count);
  return differences;
}

class Comparison {
  readonly #objects: ObjectStore;
  readonly #format: ObjectFormat;
  readonly #index: ParsedIndexFile;
  readonly #differences: HeadDifferences;

  constructor(objects: ObjectStore, format: ObjectFormat, index: ParsedIndexFile, differences: HeadDifferences) {
    this.#objects = objects;
    this.#format = format;
    this.#index = index;
    this.#differences = differences;
  }

  /** @param prefix "" or a directory with its `/` @param start, end the index entries below it */
  compareTree(tree: Oid, prefix: BytePath, cached: CachedTree | undefined, start: number, end: number): void {
    const isSame = cached?.oid === tree && cached.entryCount === end - start;
    // A replaced tree of HEAD is compared even so; below it git trusts the ids, too.
    if (isSame && (prefix !== "" || !this.#objects.hasReplacements)) return;
    let position = start;
    for (const item of readTree(this.#objects, tree, this.#format)) {
      const path = prefix + item.name;
      if (item.mode === MODE_TREE) {
        const [first, last] = this.#index.range(path);
        this.#addedToIndex(position, first);
        this.compareTree(item.oid, `${path}/`, cached?.children.get(item.name), first, last);
        position = Math.max(position, last);
      } else {
        const found = this.#index.find(path);
        const first = found < 0 ? -1 - found : found;
        this.#addedToIndex(position, first);
        position = Math.max(position, first);
        if (found >= 0) position = this.#comparePath(path, found, item);
        else this.#differences.set(path, headEntry(item));
      }
    }
    this.#addedToIndex(position, end);
  }

  /** @returns the position behind the path's entries */
  #comparePath(path: BytePath, position: number, entry: TreeEntry): number {
    const index = this.#index;
    if (index.stage(position) === 0) {
      if (index.mode(position) !== entry.mode || index.oid(position) !== entry.oid)
        this.#differences.set(path, headEntry(entry));
      return position + 1;
    }
    this.#differences.set(path, headEntry(entry));
    let next = position + 1;
    while (next < index.count && index.path(next) === path) next += 1;
    return next;
  }

  #addedToIndex(from: number, to: number): void {
    for (let position = from; position < to; position += 1)
      this.#differences.set(this.#index.path(position), undefined);
  }
}

function headEntry({ mode, oid }: TreeEntry): TreeEntry {
  return { mode, oid };
}
