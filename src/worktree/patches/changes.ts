import type { IndexFile, Oid, TreeEntry } from "../../git/index.js";
import { GITLINK } from "../file-mode.js";

/** A version of a file: mode, object id, and whether its bytes are an object or the file on disk. */
export interface Version extends TreeEntry {
  readonly source: "object" | "disk";
  /** A submodule whose files differ from its commit. */
  readonly dirty?: boolean;
  /** The content is not known, as this filter was not run; the id is one that no object has. */
  readonly filterNotRun?: string | undefined;
}

/** A file on disk as the comparison needs it. */
export type DiskVersion = Omit<Version, "source">;

/** What became of one path between HEAD and the working tree. At least one side is there. */
export interface Change {
  /** Byte path. */
  readonly path: string;
  readonly before: Version | undefined;
  readonly after: Version | undefined;
}

export interface ChangeSources {
  readonly index: IndexFile;
  /** Path → HEAD's entry (`undefined`: none), where HEAD differs from the index. */
  readonly head: ReadonlyMap<string, TreeEntry | undefined>;
  /** Path → what is on disk (`undefined`: nothing), where that differs from the index. */
  readonly disk: ReadonlyMap<string, DiskVersion | undefined>;
  /** Whether nothing of the submodule at a path counts, not even another commit. */
  readonly ignoresSubmodule: (path: string) => boolean;
}

/** What a change was made of. */
interface KnownChange {
  readonly entry: TreeEntry | undefined;
  readonly isInHead: boolean;
  readonly file: DiskVersion | undefined;
  readonly isOnDisk: boolean;
  readonly change: Change | undefined;
}

/**
 * Lists what `git diff HEAD` compares: HEAD's entry with the file on disk, for every path that the index holds;
 * a path that is only in HEAD counts as deleted whatever lies on disk. Unmerged paths are compared like others: only
 * `git diff --cached` names them.
 */
export class ChangeList {
  #index: IndexFile | undefined;
  #known: ReadonlyMap<string, KnownChange> = new Map();

  /** @returns ascending by path; a change that is made of the same entries as the last time is the same object */
  list({ index, head, disk, ignoresSubmodule }: ChangeSources): Change[] {
    const before = this.#index === index ? this.#known : new Map<string, KnownChange>();
    const known = new Map<string, KnownChange>();
    const changes: Change[] = [];
    const paths = new Set([...head.keys(), ...disk.keys()]);
    for (const path of [...paths].sort(byCodeUnit)) {
      const made = {
        entry: head.get(path),
        isInHead: head.has(path),
        file: disk.get(path),
        isOnDisk: disk.has(path),
      };
      const last = before.get(path);
      const one = last !== undefined && isSame(last, made) ? last : { ...made, change: changeOf(index, path, made) };
      known.set(path, one);
      const { change } = one;
      if (change === undefined || (isSubmodule(change) && ignoresSubmodule(path))) continue;
      changes.push(change);
    }
    this.#index = index;
    this.#known = known;
    return changes;
  }
}

function isSame(one: KnownChange, other: Omit<KnownChange, "change">): boolean {
  return (
    one.entry === other.entry &&
    one.file === other.file &&
    one.isInHead === other.isInHead &&
    one.isOnDisk === other.isOnDisk
  );
}

function changeOf(
  index: IndexFile,
  path: string,
  { entry, isInHead, file, isOnDisk }: Omit<KnownChange, "change">,
): Change | undefined {
  const position = index.find(path);
  const tracked = position >= 0;
  const staged = tracked ? { mode: index.mode(position), oid: index.oid(position) } : undefined;
  const before = isInHead ? entry : staged;
  const after = !tracked ? undefined : isOnDisk ? file : staged;
  const dirty = after !== undefined && file?.dirty === true;
  const filterNotRun = after === undefined ? undefined : file?.filterNotRun;
  const isKnown = !dirty && filterNotRun === undefined;
  if (isKnown && before?.oid === after?.oid && before?.mode === after?.mode) return undefined;
  return {
    path,
    before: before && { ...before, source: "object" },
    after: after && { mode: after.mode, oid: after.oid, source: isOnDisk ? "disk" : "object", dirty, filterNotRun },
  };
}

function isSubmodule({ before, after }: Change): boolean {
  return (before ?? after)?.mode === GITLINK && (after ?? before)?.mode === GITLINK;
}

/** The blob of a path's index entry; `undefined`: it has none, or it is a submodule. */
export function indexBlob(index: IndexFile, path: string): Oid | undefined {
  const position = index.find(path);
  return position < 0 || index.mode(position) === GITLINK ? undefined : index.oid(position);
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
