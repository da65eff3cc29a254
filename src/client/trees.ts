import {
  applyDelta,
  type DeltaServerMessage,
  type DeltaTree,
  type TreeFile,
  type TreeMeta,
} from "../protocol/browser.js";

/** One working tree as the client knows it. Immutable; unchanged files are the same objects in the next one. */
export interface WatchedTree {
  /** Absolute path in the workspace. */
  readonly root: string;
  /** Which run of numbers `seq` belongs to. */
  readonly epoch: string;
  /** Grows with each state of one epoch; numbers may be skipped. */
  readonly seq: number;
  /** Branch, remote and health. */
  readonly meta: TreeMeta;
  /** The changed files, in the order of the diff; `unifiedDiff` makes its text of them. */
  readonly files: readonly TreeFile[];
}

/** What came of a message. */
export type Outcome =
  | { kind: "changed" }
  /** The trees are as the relay knows them. */
  | { kind: "checked"; scannedAt: string; isStale: boolean }
  | { kind: "error"; message: string }
  /** The state before it is not here: ask for the whole tree. */
  | { kind: "gap"; root: string };

/** Assembles the trees from the messages of one delta socket. */
export class TreeAssembler {
  readonly #trees = new Map<string, WatchedTree>();

  /** By root. A copy: what comes later does not change it. */
  get trees(): ReadonlyMap<string, WatchedTree> {
    return new Map(this.#trees);
  }

  /** Messages in the order in which they came. */
  apply(message: DeltaServerMessage): Outcome {
    switch (message.type) {
      case "trees": {
        const roots = new Set(message.roots);
        for (const root of this.#trees.keys()) if (!roots.has(root)) this.#trees.delete(root);
        return { kind: "changed" };
      }
      case "tree":
        return this.#applyTree(message);
      case "checked":
        return { kind: "checked", scannedAt: message.scanned_at, isStale: message.stale === true };
      case "error":
        return { kind: "error", message: message.message };
    }
  }

  #applyTree(message: DeltaTree): Outcome {
    const { root, epoch, seq, base, meta } = message;
    const before = this.#trees.get(root);
    const fits = base === null || (before?.epoch === epoch && before.seq === base);
    const files = fits ? applyDelta(base === null ? [] : (before?.files ?? []), message) : undefined;
    if (files === undefined) return { kind: "gap", root };
    this.#trees.set(root, { root, epoch, seq, meta, files });
    return { kind: "changed" };
  }
}
