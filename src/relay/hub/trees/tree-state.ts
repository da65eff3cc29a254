import type { TreeFile, TreeMessage, TreeMeta } from "../../../protocol/index.js";
import type { StoredTree } from "../../store/index.js";
import { TreeView } from "./tree-view.js";

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
    const view = before?.view.next(meta, files, !sameFiles(before.files, files)) ?? TreeView.of(root, meta, files);
    return { root, epoch, seq, meta, files, size: sizeOf(files), view };
  }
  if (before === undefined || before.epoch !== epoch || before.seq !== base) return undefined;
  const files = merge(before.files, update.upserts, update.removes);
  const view = before.view.next(meta, files, !sameFiles(before.files, files));
  return { root, epoch, seq, meta, files, size: sizeOf(files), view };
}

/** A state that was kept while nobody held it. */
export function restoreState({ root, epoch, seq, meta, files }: StoredTree): TreeState {
  return { root, epoch, seq, meta, files, size: sizeOf(files), view: TreeView.of(root, meta, files) };
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
