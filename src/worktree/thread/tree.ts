import { EventEmitter } from "node:events";
import type { FileChanges, WantedComparison } from "../../protocol/index.js";
import type { TreeState } from "../types.js";

/** What a {@link Tree} reports. */
export interface TreeEvents {
  /**
   * The tree differs from the state before, or was read anew because its thread died.
   *
   * `changes` leads from the files of {@link Tree.state} as it was just before this event to `state.files`: by
   * `mergeFiles`, with the same objects. Where there was no state, it leads from the empty list: at the first event
   * after the root was opened, and at the first after `gone`. A holder of a root that was open already sees its first
   * event continue the state that it found at opening. It is empty when only something beside files differs.
   */
  state: [state: TreeState, changes: FileChanges];
  /** The root, its `.git` or the target of a `.git` file is gone; a `state` follows should it return. */
  gone: [];
  /** A passing failure; the last good state stands. */
  trouble: [error: { code: string; message: string }];
  /** The tree was read and is as it was. @param scannedAt milliseconds since 1970 */
  scanned: [scannedAt: number];
}

/** The main thread's end of one followed tree. */
export interface Entry {
  readonly root: string;
  readonly number: number;
  /** The tree that it is a comparison of, and with what. */
  readonly comparison: { readonly of: Tree; readonly wanted: WantedComparison } | undefined;
  readonly holders: Set<Tree>;
  readonly tickets: Map<number, (state: TreeState | undefined) => void>;
  state: TreeState | undefined;
  gone: boolean;
  refresh(): Promise<TreeState | undefined>;
}

/** One holder's view of a followed tree. */
export class Tree extends EventEmitter<TreeEvents> {
  readonly root: string;
  /** @internal */
  readonly entry: Entry;
  readonly #release: (tree: Tree) => void;

  /** @internal */
  constructor(entry: Entry, release: (tree: Tree) => void) {
    super();
    this.root = entry.root;
    this.entry = entry;
    this.#release = release;
  }

  /** The newest state; `undefined` before the first and while the tree is gone. */
  get state(): TreeState | undefined {
    return this.entry.state;
  }

  /** Whether the tree was looked for and is not there. */
  get gone(): boolean {
    return this.entry.gone;
  }

  /**
   * A barrier. Calls that overlap share a look at the files, but never one that began before the call.
   * @returns the state that covers every write that was finished before the call; `undefined` when the tree is gone
   */
  async refresh(): Promise<TreeState | undefined> {
    return this.entry.refresh();
  }

  /** Gives the tree back; the last holder's call ends its watching. */
  close(): void {
    this.removeAllListeners();
    this.#release(this);
  }
}
