import {
  diffFiles,
  type FileChanges,
  mergeFiles,
  realChanges,
  type TreeFile,
  type TreeMessage,
  type TreeMeta,
} from "../../../protocol/index.js";
import { remoteWithoutCredentials, withoutCredentials } from "../../../util/index.js";
import type { StoredTree } from "../../store/index.js";
import { TreeView } from "./tree-view.js";

/** What leads to a state from the one before it. It holds nothing of that one but the keys of files that go. */
export interface StateChanges {
  /** The `seq`, in the same epoch, of the state before. */
  readonly base: number;
  /** Ascending by key; each differs from the file before. */
  readonly files: FileChanges;
}

/** A tree as its agent last sent it. Immutable; unchanged files are the same objects in the next state. */
export interface TreeState {
  readonly root: string;
  readonly epoch: string;
  readonly seq: number;
  readonly meta: TreeMeta;
  /** Ascending by key. */
  readonly files: readonly TreeFile[];
  /** Travels with the state, so that nobody has to find again what differs; `undefined`: no state of the epoch was before. */
  readonly changes: StateChanges | undefined;
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
  const { root, epoch, seq, base } = update;
  const meta = shownMeta(update.meta);
  const isOfEpoch = before?.epoch === epoch;
  if (base !== null && !(isOfEpoch && before?.seq === base)) return undefined;
  const sent = changesOf(update);
  if (before === undefined) {
    const files = mergeFiles([], sent);
    return {
      root,
      epoch,
      seq,
      meta,
      files,
      changes: undefined,
      size: sizeOf(files),
      view: TreeView.of(root, meta, files),
    };
  }
  const real = base === null ? diffFiles(before.files, mergeFiles([], sent)) : realChanges(before.files, sent);
  const files = mergeFiles(before.files, real);
  const changes = isOfEpoch ? { base: before.seq, files: real } : undefined;
  const view = before.view.next(meta, files, real.size > 0);
  return { root, epoch, seq, meta, files, changes, size: sizeOf(files), view };
}

/**
 * What leads from one state of a tree to a later one of the same epoch. Found again only for those who skipped states.
 *
 * @returns ascending by key
 */
export function changesBetween(from: TreeState, to: TreeState): FileChanges {
  return to.changes?.base === from.seq ? to.changes.files : diffFiles(from.files, to.files);
}

/** A state that was kept while nobody held it. */
export function restoreState({ root, epoch, seq, meta: stored, files }: StoredTree): TreeState {
  const meta = shownMeta(stored);
  const view = TreeView.of(root, meta, files);
  return { root, epoch, seq, meta, files, changes: undefined, size: sizeOf(files), view };
}

/** Agents leave credentials out; what an old or a hostile one sends is neither kept nor shown. */
function shownMeta(meta: TreeMeta): TreeMeta {
  const { remote_origin, health } = meta;
  return { ...meta, remote_origin: remoteWithoutCredentials(remote_origin), health: withoutCredentials(health) };
}

/** A key that is both removed and sent is there. */
function changesOf({ upserts, removes }: TreeMessage): FileChanges {
  const changes = new Map<string, TreeFile | undefined>(removes.map((key) => [key, undefined]));
  for (const file of upserts) changes.set(file.key, file);
  return changes;
}

function sizeOf(files: readonly TreeFile[]): number {
  return files.reduce((sum, { header, hunks }) => sum + header.length + hunks.length, 0);
}
