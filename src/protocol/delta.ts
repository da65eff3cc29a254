import { compareKeys, type FileChanges, findFile, mergeFiles } from "./file-list.js";
import type { TreeFile, TreeMeta } from "./tree.js";

/** The sub-protocol of a watch socket whose client wants the files that changed, not whole diffs (docs/protocol.md). */
export const DELTA_SUBPROTOCOL = "treewire.delta.v1";

/** A file whose hunks changed in one place: `insert` stands for the `remove` UTF-16 units from `start` on. */
export type FileEdit = {
  key: string;
  header: string;
  additions: number;
  deletions: number;
  start: number;
  remove: number;
  insert: string;
};

/** What changed in one working tree, or all of it. */
export interface DeltaTree {
  type: "tree";
  /** Absolute path in the workspace. */
  root: string;
  /** A tree's history: states of one epoch are numbered by `seq`; another epoch shares nothing with it. */
  epoch: string;
  /** Over 0. */
  seq: number;
  /** The `seq` of the same epoch that the rest changes; `null`: this is the whole state. */
  base: number | null;
  meta: TreeMeta;
  upserts: TreeFile[];
  edits: FileEdit[];
  /** Keys. */
  removes: string[];
}

/** Server → client on a delta socket. */
export type DeltaServerMessage =
  /** The chat's trees; whatever is not among them is gone. */
  | { type: "trees"; roots: string[] }
  | DeltaTree
  /** Everything that is known was told. `stale`: the agent is away, and this is the last state before that. */
  | ({ type: "checked"; scanned_at: string; stale?: true | undefined; next_ms?: number | undefined } & Answer)
  | ({ type: "error"; message: string } & Answer);

/** The `id`s of the refreshes that a message answers, when it answers any that has one. */
interface Answer {
  answers?: string[] | undefined;
}

/** Below this many UTF-16 units, a file is sent whole: an edit would save nothing worth its fields. */
const MIN_EDIT_UNITS = 512;

/** The files of a `tree` message: whole ones, edited ones, and the keys of those that go. */
export type DeltaFiles = Pick<DeltaTree, "upserts" | "edits" | "removes">;

/**
 * The changes of a list of files as a delta socket tells them.
 *
 * @param before what the client has; sorted by key
 * @param changes what leads from there to what it is told
 */
export function deltaOf(before: readonly TreeFile[], changes: FileChanges): DeltaFiles {
  const delta: DeltaFiles = { upserts: [], edits: [], removes: [] };
  for (const key of [...changes.keys()].sort(compareKeys)) {
    const file = changes.get(key);
    const old = findFile(before, key);
    if (file === undefined) {
      if (old !== undefined) delta.removes.push(key);
      continue;
    }
    const edit = old === undefined ? undefined : editOf(old, file);
    if (edit === undefined) delta.upserts.push(file);
    else delta.edits.push(edit);
  }
  return delta;
}

/** The one place in which the hunks differ, when telling it is much shorter than telling the file. */
function editOf(before: TreeFile, after: TreeFile): FileEdit | undefined {
  const [a, b] = [before.hunks, after.hunks];
  if (before.filter_not_run !== after.filter_not_run) return undefined; // an edit does not say so
  if (before.withheld !== after.withheld || before.masked !== after.masked) return undefined; // nor so
  if (before.committed !== after.committed) return undefined;
  if (before.omitted_bytes > 0 || after.omitted_bytes > 0 || b.length < MIN_EDIT_UNITS) return undefined;
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a.charCodeAt(start) === b.charCodeAt(start)) start += 1;
  let end = 0;
  while (end < shorter - start && a.charCodeAt(a.length - 1 - end) === b.charCodeAt(b.length - 1 - end)) end += 1;
  const insert = b.slice(start, b.length - end);
  if (insert.length * 2 > b.length) return undefined;
  const { key, header, additions, deletions } = after;
  return { key, header, additions, deletions, start, remove: a.length - start - end, insert };
}

/**
 * The files that a message leads to.
 *
 * @param before sorted; not changed
 * @returns sorted, or `undefined` when an edit's file is not there
 */
export function applyDelta(
  before: readonly TreeFile[],
  { upserts, edits, removes }: DeltaFiles,
): readonly TreeFile[] | undefined {
  const changes = new Map<string, TreeFile | undefined>(removes.map((key) => [key, undefined]));
  for (const file of upserts) changes.set(file.key, file);
  for (const { key, header, additions, deletions, start, remove, insert } of edits) {
    const file = findFile(before, key);
    if (file === undefined) return undefined;
    const hunks = file.hunks.slice(0, start) + insert + file.hunks.slice(start + remove);
    changes.set(key, { ...file, header, additions, deletions, hunks });
  }
  return mergeFiles(before, changes);
}
