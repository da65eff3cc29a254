import { MAX_TREES, type TreeMessage } from "../../../protocol/index.js";
import type { TreeHead, TreeStates } from "../../store/index.js";
import { hasPassed, latestUntilNow } from "../../wall-clock.js";
import { MAX_PENDING_UNITS, PendingUpdate, TunnelLimitError } from "./pending-update.js";
import { applyUpdate, restoreState, type TreeState } from "./tree-state.js";

/** A tree that changes all the time is written to the store this often, in milliseconds. */
const BUSY_SAVE_MS = 30_000;

interface Tree {
  state: TreeState | undefined;
  /** Milliseconds since 1970. */
  scannedAt: number;
  /** The agent that is connected now has confirmed it, and follows it for a chat. */
  live: boolean;
  pending: PendingUpdate | undefined;
  /** A whole state was asked for and has not come yet. */
  resyncing: boolean;
  /** The version of the state that the store has. The state itself is not held when there is a newer one. */
  saved: string | undefined;
  /** When it was written: milliseconds since 1970. */
  savedAt: number;
  /** The version of the state when it was last looked at for saving. */
  seen: string | undefined;
}

/** What came of a part of an update. */
export type PartOutcome =
  | { kind: "unfinished" }
  /** Its base is not here. `isNew`: nobody has asked for the whole state yet. */
  | { kind: "gap"; isNew: boolean }
  | { kind: "changed"; before: TreeState | undefined; state: TreeState };

/** The last states of one workspace's trees: here, and in the store. */
export class TreeCache {
  readonly #workspace: string;
  readonly #store: TreeStates;
  readonly #isWatched: (root: string) => boolean;
  readonly #trees = new Map<string, Tree>();
  /** Of updates whose last part has not come. */
  #pendingUnits = 0;
  /** Trees that the connected agent may go on from although their states are only in the store. */
  #stored = new Set<string>();

  /** @param isWatched whether a tree is among those of a chat that is watched */
  constructor(workspace: string, store: TreeStates, isWatched: (root: string) => boolean) {
    this.#workspace = workspace;
    this.#store = store;
    this.#isWatched = isWatched;
  }

  /** Those that are here. */
  get states(): TreeState[] {
    return [...this.#trees.values()].flatMap(({ state }) => (state === undefined ? [] : [state]));
  }

  /** Whether the store lacks nothing of what is here. */
  get areSaved(): boolean {
    return [...this.#trees.values()].every(isSaved);
  }

  state(root: string): TreeState | undefined {
    return this.#trees.get(root)?.state;
  }

  isLive(root: string): boolean {
    return this.#trees.get(root)?.live === true;
  }

  /** Milliseconds since 1970. */
  scannedAt(root: string): number {
    return this.#trees.get(root)?.scannedAt ?? 0;
  }

  // ── the store ──

  /** Brings a tree's last state here if that is in the store. */
  load(root: string): void {
    this.#load(root);
  }

  #load(root: string): Tree {
    const tree = this.#tree(root);
    if (tree.state !== undefined) return tree;
    const stored = this.#store.load(this.#workspace, root);
    if (stored === undefined) return tree;
    tree.state = restoreState(stored);
    tree.saved = versionOf(tree.state);
    tree.scannedAt = latestUntilNow(Date.parse(stored.meta.scanned_at));
    return tree;
  }

  /**
   * Writes the states that have changed since they were last written. One that goes on changing is written now and then.
   *
   * @param everything those that go on changing as well
   */
  async save(everything: boolean): Promise<void> {
    for (const tree of this.#trees.values()) {
      const { state } = tree;
      if (state === undefined || isSaved(tree)) continue;
      const version = versionOf(state);
      const isBusy = tree.live && tree.seen !== version && !hasPassed(BUSY_SAVE_MS, tree.savedAt);
      tree.seen = version;
      if (isBusy && !everything) continue;
      tree.saved = version;
      tree.savedAt = Date.now();
      const meta = { ...state.meta, scanned_at: new Date(tree.scannedAt).toISOString() };
      // gone, or newer, while it was compressed: then the next round writes what is true
      await this.#store.save(this.#workspace, { ...state, meta }, () => this.#trees.get(state.root)?.state !== state);
      if (tree.state !== state) tree.saved = undefined;
    }
  }

  /** Evicts written states that nobody watches. @param units how many UTF-16 units are too many @returns how many went */
  evict(units: number): number {
    let gone = 0;
    for (const [root, tree] of this.#trees) {
      const { state, pending } = tree;
      if (gone >= units) break;
      if (state === undefined || !isSaved(tree) || pending !== undefined) continue;
      if (this.#isWatched(root)) continue;
      this.#trees.delete(root);
      gone += state.size;
    }
    return gone;
  }

  // ── the agent ──

  /** Names the states that an agent which has just come may go on from. */
  knownHeads(): TreeHead[] {
    const here = new Map(this.states.map(({ root, epoch, seq }) => [root, { root, epoch, seq }]));
    // a relay that was started anew goes on from what its predecessor kept; read when the agent sends something of it
    this.#stored = new Set();
    for (const head of this.#store.heads(this.#workspace, Math.max(0, MAX_TREES - here.size))) {
      if (here.has(head.root)) continue;
      here.set(head.root, head);
      this.#stored.add(head.root);
    }
    return [...here.values()];
  }

  /** The agent is lost: the updates that it has not finished count for nothing. */
  agentIsGone(): void {
    this.#pendingUnits = 0;
    for (const tree of this.#trees.values()) {
      tree.live = false;
      tree.pending = undefined;
      tree.resyncing = false;
    }
  }

  /** The agent follows the tree no longer. */
  unfollow(root: string): void {
    const tree = this.#trees.get(root);
    if (tree !== undefined) tree.live = false;
  }

  /** @throws TunnelLimitError when an agent may not send so much */
  apply(part: TreeMessage): PartOutcome {
    if (!this.#trees.has(part.root) && this.#trees.size >= MAX_TREES) this.#makeRoom();
    const tree = this.#stored.delete(part.root) ? this.#load(part.root) : this.#tree(part.root);
    this.#pendingUnits -= tree.pending?.units ?? 0;
    const pending = tree.pending?.belongsTo(part) ? tree.pending : new PendingUpdate(part);
    const update = pending.add(part);
    tree.pending = update === undefined ? pending : undefined;
    this.#pendingUnits += tree.pending?.units ?? 0;
    if (this.#pendingUnits > MAX_PENDING_UNITS) throw new TunnelLimitError("the unfinished updates are too large");
    if (update === undefined) return { kind: "unfinished" };
    const before = tree.state;
    const state = applyUpdate(before, update);
    const wasResyncing = tree.resyncing;
    tree.resyncing = state === undefined;
    if (state === undefined) return { kind: "gap", isNew: !wasResyncing };
    tree.state = state;
    return { kind: "changed", before, state };
  }

  /** Evicts what nobody watches, unless the connected agent has sent it just now. @throws TunnelLimitError */
  #makeRoom(): void {
    this.evict(Number.POSITIVE_INFINITY);
    for (const [root, { live, pending }] of this.#trees) {
      if (!live && pending === undefined && !this.#isWatched(root)) this.#trees.delete(root);
    }
    if (this.#trees.size >= MAX_TREES) throw new TunnelLimitError(`over ${MAX_TREES} trees`);
  }

  /** The tree was read, and what is here is true. @returns whether it is known */
  confirm(root: string, scannedAt: number): boolean {
    const tree = this.#stored.delete(root) ? this.#load(root) : this.#trees.get(root);
    if (tree === undefined) return false;
    tree.scannedAt = latestUntilNow(tree.scannedAt, scannedAt);
    tree.live = true;
    return true;
  }

  /** The tree is gone, here and in the store. @returns its last state */
  remove(root: string): TreeState | undefined {
    this.#stored.delete(root);
    const tree = this.#trees.get(root);
    this.#pendingUnits -= tree?.pending?.units ?? 0;
    this.#trees.delete(root);
    this.#store.delete(this.#workspace, root);
    return tree?.state;
  }

  #tree(root: string): Tree {
    let tree = this.#trees.get(root);
    if (tree === undefined) {
      tree = {
        state: undefined,
        scannedAt: 0,
        live: false,
        pending: undefined,
        resyncing: false,
        saved: undefined,
        savedAt: Date.now(),
        seen: undefined,
      };
      this.#trees.set(root, tree);
    }
    return tree;
  }
}

/** What the protocol names a state of a tree by. */
function versionOf({ epoch, seq }: TreeState): string {
  return `${epoch} ${seq}`;
}

function isSaved({ state, saved }: Tree): boolean {
  return state === undefined || versionOf(state) === saved;
}
