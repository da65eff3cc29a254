import { sameCompared, type TreeFile, type TreeMeta } from "../../../protocol/index.js";
import { RepositoryEntry } from "../encoding/repository-entry.js";

/** What is remembered of a view that a client was sent: it holds nothing of the diff. */
export interface ViewMark {
  /** Of the view's entry; `undefined` as long as nobody has needed it. */
  digest: string | undefined;
}

/** What a client is shown of a tree: everything but ids and times. */
export class TreeView {
  static #count = 0;
  readonly root: string;
  /** No other view of this process has the same. */
  readonly id = ++TreeView.#count;
  readonly mark: ViewMark = { digest: undefined };
  readonly entry: RepositoryEntry;
  readonly #meta: TreeMeta;
  /** Of the view before, which looked different. */
  readonly #before: ViewMark | undefined;

  private constructor(root: string, meta: TreeMeta, entry: RepositoryEntry, before: ViewMark | undefined) {
    this.root = root;
    this.#meta = meta;
    this.entry = entry;
    this.#before = before;
  }

  static of(root: string, meta: TreeMeta, files: readonly TreeFile[]): TreeView {
    return new TreeView(root, meta, entryOf(root, meta, files), undefined);
  }

  /** Whether a client that was sent the other one lacks nothing of this one; "no" when that is not known. */
  looksLike(sent: ViewMark): boolean {
    if (sent === this.mark) return true;
    if (sent === this.#before || sent.digest === undefined) return false;
    return sent.digest === this.seal();
  }

  /** Makes the view one that is known again when its diff is no longer there. @returns its digest */
  seal(): string {
    this.mark.digest ??= this.entry.digest();
    return this.mark.digest;
  }

  /** This view, when a state with that content looks the same; else a new one. */
  next(meta: TreeMeta, files: readonly TreeFile[], filesChanged: boolean): TreeView {
    const isSame =
      !filesChanged &&
      meta.branch === this.#meta.branch &&
      meta.remote_origin === this.#meta.remote_origin &&
      meta.health === this.#meta.health &&
      meta.too_large_bytes === this.#meta.too_large_bytes &&
      sameCompared(meta, this.#meta);
    if (isSame) return this;
    const entry = entryOf(this.root, meta, files);
    return entry.equals(this.entry) ? this : new TreeView(this.root, meta, entry, this.mark); // hunks may be left out
  }
}

/** @param files within the limit of what clients are shown */
function entryOf(root: string, meta: TreeMeta, files: readonly TreeFile[]): RepositoryEntry {
  return new RepositoryEntry(root, meta, { files, tooLargeBytes: 0 });
}
