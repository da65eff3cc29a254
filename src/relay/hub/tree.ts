import type { RepositoryChange, TreeFile, TreeMessage, TreeMeta } from "../../protocol/index.js";
import { fitToLimit, MAX_UNIFIED_DIFF_BYTES, unifiedDiff } from "../../protocol/index.js";
import type { StoredTree } from "../store/index.js";
import { TextFrame } from "./text-frame.js";

/** A tree as its agent last told it. Immutable; unchanged files are the same objects in the next state. */
export interface TreeState {
  readonly root: string;
  readonly epoch: string;
  readonly seq: number;
  readonly meta: TreeMeta;
  /** Ascending by key. */
  readonly files: readonly TreeFile[];
  /** How many characters the files' texts have. */
  readonly size: number;
  /** The same object in consecutive states that look the same to clients. */
  readonly view: TreeView;
}

/** What a client is shown of a tree: everything but ids and times. Its text is built once, when it is first wanted. */
export class TreeView {
  static #count = 0;
  readonly root: string;
  /** No other view of this process has the same. */
  readonly id = ++TreeView.#count;
  readonly #meta: TreeMeta;
  /** Let go when the text is built: whoever was told an old view keeps its text alone. */
  #files: readonly TreeFile[];
  #bytes: Buffer | undefined;
  /** Two views are compared once, however many clients were told the one. */
  #compared: { id: number; same: boolean } | undefined;

  constructor(root: string, meta: TreeMeta, files: readonly TreeFile[], before?: TreeView) {
    this.root = root;
    this.#meta = meta;
    this.#files = files;
    // where nothing can be left out for its size, what differs in the files shows
    if (before !== undefined && meta.too_large_bytes === 0 && sizeOf(files) * 3 <= MAX_UNIFIED_DIFF_BYTES) {
      this.#compared = { id: before.id, same: false };
    }
  }

  /** The tree's entry in a `changes` frame: JSON in UTF-8. */
  get bytes(): Buffer {
    return this.#bytes ?? this.framed("", "").payload;
  }

  /** The entry between other text. With the first such frame it shares its memory. */
  framed(head: string, tail: string): TextFrame {
    if (this.#bytes !== undefined) return TextFrame.of(head, this.#bytes, tail);
    const frame = TextFrame.of(head, JSON.stringify(repositoryChange(this.root, this.#meta, this.#files)), tail);
    const { payload } = frame;
    this.#bytes = payload.subarray(Buffer.byteLength(head), payload.length - Buffer.byteLength(tail));
    this.#files = [];
    return frame;
  }

  /** Whether a client that was told the other one has nothing to learn from this one. */
  looksLike(other: TreeView): boolean {
    if (other === this) return true;
    if (this.#compared?.id !== other.id) this.#compared = { id: other.id, same: this.bytes.equals(other.bytes) };
    return this.#compared.same;
  }

  /** This view, when a state with that content looks the same; else a new one. */
  next(meta: TreeMeta, files: readonly TreeFile[], filesChanged: boolean): TreeView {
    const same =
      !filesChanged &&
      meta.branch === this.#meta.branch &&
      meta.remote_origin === this.#meta.remote_origin &&
      meta.health === this.#meta.health &&
      meta.too_large_bytes === this.#meta.too_large_bytes;
    return same ? this : new TreeView(this.root, meta, files, this);
  }
}

/** The entry of a tree that is no longer there. */
export function removedJson(root: string): string {
  const change: RepositoryChange = { repo_root: root, branch: "", unified_diff: "", removed: true };
  return JSON.stringify(change);
}

/**
 * The state that an update leads to.
 *
 * @param before the last state, if there is one
 * @param update whole: its parts joined
 * @returns `undefined` when the update's base is not `before`
 */
export function applyUpdate(before: TreeState | undefined, update: TreeMessage): TreeState | undefined {
  const { root, epoch, seq, meta, base } = update;
  if (base === null) {
    const files = merge([], update.upserts, []);
    const view = before?.view.next(meta, files, !sameFiles(before.files, files)) ?? new TreeView(root, meta, files);
    return { root, epoch, seq, meta, files, size: sizeOf(files), view };
  }
  if (before === undefined || before.epoch !== epoch || before.seq !== base) return undefined;
  const files = merge(before.files, update.upserts, update.removes);
  const view = before.view.next(meta, files, !sameFiles(before.files, files));
  return { root, epoch, seq, meta, files, size: sizeOf(files), view };
}

/** A state that was kept while nobody held it. */
export function restoreState({ root, epoch, seq, meta, files }: StoredTree): TreeState {
  return { root, epoch, seq, meta, files, size: sizeOf(files), view: new TreeView(root, meta, files) };
}

/** A sorted list with some entries replaced, added or taken out, in one pass. */
function merge(before: readonly TreeFile[], upserts: readonly TreeFile[], removes: readonly string[]): TreeFile[] {
  const changed = new Map<string, TreeFile | undefined>(removes.map((key) => [key, undefined]));
  for (const file of upserts) changed.set(file.key, file);
  const added = [...changed.values()].filter((file) => file !== undefined).sort(byKey);
  const merged: TreeFile[] = [];
  let next = 0;
  for (const file of before) {
    for (let other = added[next]; other !== undefined && other.key < file.key; other = added[next]) {
      merged.push(other);
      next += 1;
    }
    if (!changed.has(file.key)) merged.push(file);
  }
  merged.push(...added.slice(next));
  return merged;
}

function sizeOf(files: readonly TreeFile[]): number {
  return files.reduce((sum, { header, hunks }) => sum + header.length + hunks.length, 0);
}

function byKey(a: TreeFile, b: TreeFile): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

function sameFiles(a: readonly TreeFile[], b: readonly TreeFile[]): boolean {
  return a.length === b.length && a.every((file, position) => sameFile(file, b[position]));
}

function sameFile(a: TreeFile, b: TreeFile | undefined): boolean {
  if (a === b) return true;
  return (
    b !== undefined &&
    a.key === b.key &&
    a.header === b.header &&
    a.hunks === b.hunks &&
    a.omitted_bytes === b.omitted_bytes
  );
}

function repositoryChange(root: string, meta: TreeMeta, told: readonly TreeFile[]): RepositoryChange {
  // The agent has fitted the files already; an agent that has not must not make the relay break its contract.
  const fitted = fitToLimit(told);
  const tooLargeBytes = meta.too_large_bytes || fitted.tooLargeBytes;
  const omitted = fitted.files.filter((file) => file.omitted_bytes > 0);
  return {
    repo_root: root,
    branch: meta.branch,
    ...(meta.remote_origin !== "" && { remote_origin: meta.remote_origin }),
    unified_diff: unifiedDiff(fitted.files, tooLargeBytes),
    ...((omitted.length > 0 || tooLargeBytes > 0) && { truncated: true as const }),
    ...(omitted.length > 0 && {
      omitted_files: omitted.map((file) => ({ path: file.path, bytes: file.omitted_bytes })),
    }),
    ...(meta.health !== "" && { health: meta.health }),
  };
}
