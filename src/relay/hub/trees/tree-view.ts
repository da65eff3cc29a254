import { type FileChanges, sameCompared, type TreeFile, type TreeMeta } from "../../../protocol/index.js";
import { type FittedEntry, fitEntries, type ShownTree } from "../encoding/fit-entries.js";
import { type EntryCount, RepositoryEntry } from "../encoding/repository-entry.js";

/** What is remembered of a view that a client was sent: it holds nothing of the diff. */
export interface ViewMark {
  /** Of the view's entry; `undefined` as long as nobody has needed it. */
  digest: string | undefined;
  /** How long its diff is, in UTF-16 units: what has another length looks different, without a look at its digest. */
  readonly units: number;
}

/** What a client is shown of a tree: everything but ids and times. */
export class TreeView implements ShownTree {
  static #count = 0;
  readonly root: string;
  /** No other view of this process has the same. */
  readonly id = ++TreeView.#count;
  readonly mark: ViewMark;
  readonly meta: TreeMeta;
  readonly files: readonly TreeFile[];
  readonly entry: RepositoryEntry;
  /** Of the view before, which looked different. */
  readonly #before: ViewMark | undefined;
  /** What was left of it the last time that it had to be made smaller: clients that are sent the same share it. */
  #fitted: (FittedEntry & { room: number }) | undefined;

  private constructor({ root, meta, files, entry }: ShownTree, before: ViewMark | undefined) {
    this.root = root;
    this.meta = meta;
    this.files = files;
    this.entry = entry;
    this.mark = { digest: undefined, units: entry.units };
    this.#before = before;
  }

  /** @param count of the files, where it is known */
  static of(root: string, meta: TreeMeta, files: readonly TreeFile[], count?: EntryCount): TreeView {
    return new TreeView({ root, meta, files, entry: entryOf(root, meta, files, count) }, undefined);
  }

  /** Whether a client that was sent the other one lacks nothing of this one; "no" when that is not known. */
  looksLike(sent: ViewMark): boolean {
    if (sent === this.mark) return true;
    if (sent === this.#before || sent.digest === undefined || sent.units !== this.entry.units) return false;
    return sent.digest === this.seal();
  }

  /** Makes the view one that is known again when its diff is no longer there. @returns its digest */
  seal(): string {
    this.mark.digest ??= this.entry.digest();
    return this.mark.digest;
  }

  /** This view, when a state with that content looks the same; else a new one. @param count of the files, where it is known */
  next(meta: TreeMeta, files: readonly TreeFile[], filesChanged: boolean, count?: EntryCount): TreeView {
    const isSame =
      !filesChanged &&
      meta.branch === this.meta.branch &&
      meta.remote_origin === this.meta.remote_origin &&
      meta.health === this.meta.health &&
      meta.too_large_bytes === this.meta.too_large_bytes &&
      sameCompared(meta, this.meta);
    if (isSame) return this;
    const entry = entryOf(this.root, meta, files, count);
    return entry.equals(this.entry) ? this : new TreeView({ root: this.root, meta, files, entry }, this.mark); // hunks may be left out
  }

  /**
   * What of the view has so much room in a message.
   *
   * @param room bytes of JSON, with a comma
   * @returns `undefined` where not even names and branch fit
   */
  fitted(room: number): FittedEntry | undefined {
    const { entry } = this;
    if (entry.maxBytes <= room) return { entry, bytes: entry.maxBytes };
    if (this.#fitted?.room !== room) {
      const [fitted = { entry, bytes: entry.maxBytes }] = fitEntries([this], room);
      this.keepFitted(fitted, room);
    }
    return this.#fitted && this.#fitted.bytes <= room ? this.#fitted : undefined;
  }

  /** Keeps what was left of the view with others beside it: {@link fitted} is that from now on. @param room bytes that it has */
  keepFitted(fitted: FittedEntry, room: number): void {
    if (this.#fitted?.room === room) return; // clients that come later share its JSON with those before
    if (this.#fitted?.entry !== this.entry) this.#fitted?.entry.release();
    this.#fitted = { ...fitted, room };
  }

  /**
   * There is a newer state: whoever has had a part of this one gets the rest, and nobody else any.
   *
   * @param next the view of that one @param changes what leads to its files
   */
  release(next?: TreeView, changes?: FileChanges): void {
    this.entry.release(next?.entry, changes);
    if (this.#fitted?.entry !== this.entry) this.#fitted?.entry.release();
  }
}

/** @param files within the limit of what clients are shown */
function entryOf(root: string, meta: TreeMeta, files: readonly TreeFile[], count?: EntryCount): RepositoryEntry {
  return new RepositoryEntry(root, meta, { files, tooLargeBytes: 0 }, count);
}
