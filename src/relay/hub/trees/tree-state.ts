import { randomUUID } from "node:crypto";
import {
  diffFiles,
  type FileChanges,
  fitToLimit,
  MAX_UNIFIED_DIFF_BYTES,
  mergeFiles,
  realChanges,
  type TreeFile,
  type TreeMessage,
  type TreeMeta,
} from "../../../protocol/index.js";
import { remoteWithoutCredentials, withoutCredentials } from "../../../util/index.js";
import { treeBytes } from "../../budgets/cost.js";
import { TunnelLimitError } from "../../budgets/exceeded.js";
import type { StoredTree } from "../../store/index.js";
import { countAfter, countChanges, countFiles, type FilesCount } from "./files-count.js";
import { TreeView } from "./tree-view.js";

/** What leads to a state from the one before it. It holds nothing of that one but the keys of files that go. */
export interface StateChanges {
  /** The `seq`, in the same epoch, of the state before. */
  readonly base: number;
  /** Ascending by key; each differs from the file before. */
  readonly files: FileChanges;
}

/**
 * A tree as its agent last sent it, within the limit of what clients are shown: an agent fits its diff itself, and one that
 * does not has it cut here. A state that was cut is of an epoch that its agent does not know: what the agent sends next would
 * change what is not here, so that it has to send the whole state again. Immutable; unchanged files are the same objects in
 * the next state.
 */
export interface TreeState {
  readonly root: string;
  /** With what it is compared, as the tunnel names that; `undefined`: HEAD. */
  readonly compare: string | undefined;
  readonly epoch: string;
  readonly seq: number;
  readonly meta: TreeMeta;
  /** Ascending by key. */
  readonly files: readonly TreeFile[];
  /** Travels with the state, so that nobody has to find again what differs; `undefined`: no state of the epoch was before. */
  readonly changes: StateChanges | undefined;
  /** How many characters the files' texts have. */
  readonly size: number;
  /** What the state costs in memory, by the estimate of budgets/cost.ts. */
  readonly cost: number;
  readonly count: FilesCount;
  /** The same object in consecutive states that look the same to clients. */
  readonly view: TreeView;
}

/** What a state consists of before its limits are looked at. */
interface Content {
  root: string;
  compare: string | undefined;
  epoch: string;
  seq: number;
  meta: TreeMeta;
  files: readonly TreeFile[];
  changes: StateChanges | undefined;
  count: FilesCount;
}

/**
 * The state that an update leads to. Its cost follows what changes, and not the number of files, but for the list of files
 * and the entry that clients are sent.
 *
 * @param before the last state, if there is one
 * @param update whole: its parts joined
 * @returns `undefined` when the update's base is not `before`
 * @throws TunnelLimitError when the files' names are more than a diff has room for
 */
export function applyUpdate(before: TreeState | undefined, update: TreeMessage): TreeState | undefined {
  const { root, compare, epoch, seq, base } = update;
  const meta = withCommits(shownMeta(update.meta), base === null ? undefined : before?.meta);
  const isOfEpoch = before?.epoch === epoch;
  if (base !== null && !(isOfEpoch && before?.seq === base)) return undefined;
  const sent = changesOf(update);
  if (before === undefined) {
    const files = mergeFiles([], sent);
    return finish({ root, compare, epoch, seq, meta, files, changes: undefined, count: countFiles(files) }, undefined);
  }
  const real = base === null ? diffFiles(before.files, mergeFiles([], sent)) : realChanges(before.files, sent);
  const files = mergeFiles(before.files, real);
  const changes = isOfEpoch ? { base: before.seq, files: real } : undefined;
  return finish(
    { root, compare, epoch, seq, meta, files, changes, count: countAfter(before.count, before.files, real) },
    before,
  );
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
  const compare = undefined; // no other is stored
  return finish({ root, compare, epoch, seq, meta, files, changes: undefined, count: countFiles(files) }, undefined);
}

/** @throws TunnelLimitError */
function finish(content: Content, before: TreeState | undefined): TreeState {
  if (content.count.nameUnits > MAX_UNIFIED_DIFF_BYTES) {
    throw new TunnelLimitError(
      `the names of the files of ${content.root} are over the diff limit`,
      "over the diff limit",
    );
  }
  const { root, compare, epoch, seq, meta, files, changes, count } = cutToLimit(content);
  const filesChanged = files !== before?.files;
  const view =
    before === undefined ? TreeView.of(root, meta, files, count) : before.view.next(meta, files, filesChanged, count);
  const cost = treeBytes(root, meta) + count.bytes + countChanges(changes?.files);
  return { root, compare, epoch, seq, meta, files, changes, size: count.units, cost, count, view };
}

function cutToLimit(content: Content): Content {
  // a UTF-16 unit is three bytes of UTF-8 at most: nearly every state is let through without a look at its files
  if (content.count.units * 3 <= MAX_UNIFIED_DIFF_BYTES) return content;
  const { files, tooLargeBytes } = fitToLimit(content.files);
  if (files === content.files) return content;
  const meta = tooLargeBytes > 0 ? { ...content.meta, too_large_bytes: tooLargeBytes } : content.meta;
  return { ...content, epoch: randomUUID(), meta, files, changes: undefined, count: countFiles(files) };
}

/** Agents leave credentials out; what an old or a hostile one sends is neither kept nor shown. */
function shownMeta(meta: TreeMeta): TreeMeta {
  const { remote_origin, health } = meta;
  return { ...meta, remote_origin: remoteWithoutCredentials(remote_origin), health: withoutCredentials(health) };
}

/** An agent does not send commits again that its relay has. @param base of the state that the update changes */
function withCommits(meta: TreeMeta, base: TreeMeta | undefined): TreeMeta {
  const commits = meta.compare === undefined || meta.commits !== undefined ? undefined : base?.commits;
  return commits === undefined ? meta : { ...meta, commits };
}

/** A key that is both removed and sent is there. */
function changesOf({ upserts, removes }: TreeMessage): FileChanges {
  const changes = new Map<string, TreeFile | undefined>(removes.map((key) => [key, undefined]));
  for (const file of upserts) changes.set(file.key, file);
  return changes;
}

/** The states against HEAD that stand for comparisons which are not here. */
const standIns = new WeakMap<TreeState, { reason: string; state: TreeState }>();

/**
 * HEAD's diff where something else was asked for. The same object for the same state and reason.
 *
 * @param head the state against HEAD
 * @param reason why that is shown, in words for people
 */
export function standIn(head: TreeState, reason: string): TreeState {
  const known = standIns.get(head);
  if (known?.reason === reason) return known.state;
  const compare = { kind: "head", base_ref: "", base_oid: "", ahead: 0, behind: 0, reason } as const;
  const meta: TreeMeta = { ...head.meta, compare, commits: [], commits_truncated: false };
  // an epoch of its own for each reason: it has the files of the state that it is made of, and not its history
  const epoch = `${head.epoch} head: ${reason}`;
  const state = {
    ...head,
    epoch,
    meta,
    changes: undefined,
    view: TreeView.of(head.root, meta, head.files, head.count),
  };
  standIns.set(head, { reason, state });
  return state;
}
