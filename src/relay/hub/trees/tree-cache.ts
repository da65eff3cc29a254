import {
  MAX_TREES,
  type PartialUpdate,
  type SecretsMode,
  type TreeMessage,
  treeKey,
  treeOfKey,
} from "../../../protocol/index.js";
import { Account, type Holding } from "../../budgets/account.js";
import { rootBytes, treeBytes } from "../../budgets/cost.js";
import { BudgetExceededError } from "../../budgets/exceeded.js";
import { DEFAULT_LIMITS } from "../../limit-options.js";
import type { TreeHead, TreeStates } from "../../store/index.js";
import { hasPassed, latestUntilNow } from "../../wall-clock.js";
import { type CachedTree, isSaved, newTree, versionOf } from "./cached-tree.js";
import { PendingUpdate } from "./pending-update.js";
import { applyUpdate, restoreState, type TreeState } from "./tree-state.js";

/** A tree that changes all the time is written to the store this often, in milliseconds. */
const BUSY_SAVE_MS = 30_000;

/** What came of an update whose connection was lost is kept for so long, in milliseconds. */
const KEEP_UNFINISHED_MS = 10 * 60_000;

/** The roots of the states that an agent may go on from, in UTF-16 units: they go out in one message. */
const MAX_HEADS_UNITS = 4 * 1024 * 1024;

/** What was prepared, so that every answer is there at once. */
type PreparedStates = Omit<TreeStates, "prepare">;

/** A state that an agent may go on from. */
export type HeldTree = TreeHead & { compare?: string };

/** What came of a part of an update. */
export type PartOutcome =
  | { kind: "unfinished" }
  /** Its base, or its beginning, is not here. `isNew`: nobody has asked for the whole state yet. */
  | { kind: "gap"; isNew: boolean }
  | { kind: "changed"; before: TreeState | undefined; state: TreeState };

/**
 * The last states of one workspace's trees: here, and in the store. What is here is entered in the workspace's account as it
 * comes and goes. Where there is no room, what nobody watches is evicted first.
 */
export class TreeCache {
  readonly #workspace: string;
  readonly #store: PreparedStates;
  readonly #isWatched: (root: string) => boolean;
  readonly #account: Account;
  /** By the name that `treeKey` gives them: the root, where a tree is compared with HEAD. So is every `root` of a method. */
  readonly #trees = new Map<string, CachedTree>();
  /** Trees that the connected agent may go on from although their states are only in the store. */
  readonly #stored = new Set<string>();
  /** What the agent that came last does with secrets. */
  #secrets: SecretsMode | undefined;
  #knowsSecrets = false;
  /** The agent is at another relay: that one writes to the store, and takes away there what is gone. */
  isReplica = false;

  /** @param isWatched whether a tree is among those of a chat that is watched @param account the workspace's */
  constructor(
    workspace: string,
    store: PreparedStates,
    isWatched: (root: string) => boolean,
    account = new Account(DEFAULT_LIMITS),
  ) {
    this.#workspace = workspace;
    this.#store = store;
    this.#isWatched = isWatched;
    this.#account = account;
  }

  /** Those that are here. */
  get states(): TreeState[] {
    return [...this.#trees.values()].flatMap(({ state }) => (state === undefined ? [] : [state]));
  }

  /** The trees that are here, those of which no whole state has come among them. */
  get roots(): Iterable<string> {
    return this.#trees.keys();
  }

  /** Whether the store lacks nothing of what is here. */
  get areSaved(): boolean {
    return this.isReplica || [...this.#trees.values()].every(isSaved);
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

  /** Brings a tree's last state here if that is in the store, and there is room for it. */
  load(root: string): void {
    if (this.#trees.has(root) || this.#hasRoom({ bytes: treeBytes(root), trees: 1 })) this.#load(root);
  }

  #load(root: string): CachedTree {
    const tree = this.#tree(root);
    if (tree.state !== undefined) return tree;
    const stored = this.#store.load(this.#workspace, root);
    // what an agent sent that did something else may show what is hidden now; at another relay, it may not be deleted yet
    if (stored === undefined || (this.#knowsSecrets && stored.secrets !== this.#secrets)) return tree;
    const state = restoreState(stored);
    const change = { bytes: state.cost - treeBytes(root), files: state.files.length };
    if (this.#account.excess(change) !== undefined) return tree;
    this.#account.adjust(change);
    tree.state = state;
    tree.saved = versionOf(state);
    tree.secrets = stored.secrets;
    tree.scannedAt = latestUntilNow(Date.parse(stored.meta.scanned_at));
    return tree;
  }

  /**
   * Writes the states that have changed since they were last written. One that goes on changing is written now and then.
   *
   * @param everything those that go on changing as well
   * @param isOver asked before each: there is no more time
   */
  async save(everything: boolean, isOver: () => boolean = () => false): Promise<void> {
    for (const tree of this.#trees.values()) {
      if (this.isReplica || isOver()) return;
      const { state } = tree;
      if (state === undefined || isSaved(tree)) continue;
      const version = versionOf(state);
      const isBusy = tree.live && tree.seen !== version && !hasPassed(BUSY_SAVE_MS, tree.savedAt);
      tree.seen = version;
      if (isBusy && !everything) continue;
      const meta = { ...state.meta, scanned_at: new Date(tree.scannedAt).toISOString() };
      let isWritten = true;
      await this.#store.save(this.#workspace, { ...state, meta, secrets: tree.secrets }, () => {
        // gone, or another relay's, while it was compressed; a newer one does not count: one may come whenever it is
        const isOutdated = this.isReplica || this.#trees.get(state.root) !== tree;
        isWritten = !isOutdated;
        return isOutdated;
      });
      // only now: what failed, or was outdated, is tried again
      tree.savedAt = Date.now();
      if (isWritten) tree.saved = version;
    }
  }

  /**
   * Evicts states that nobody watches, and before them updates that were not finished when their connection was lost.
   *
   * @param bytes how much is too much, by the estimate of budgets/cost.ts
   * @param options `unwritten`: those that the store lacks as well; their agent has to send them again
   * @returns how much went
   */
  evict(bytes: number, { unwritten = false } = {}): number {
    let gone = this.forgetUnfinished(0);
    for (const [root, tree] of this.#trees) {
      if (gone >= bytes) break;
      const isWritten = tree.state !== undefined && (this.isReplica || isSaved(tree));
      if ((!isWritten && !unwritten) || tree.pending !== undefined || this.#isWatched(root)) continue;
      gone += this.#drop(root, tree);
    }
    return gone;
  }

  /** Evicts everything, watched or not. @returns the states that were here */
  clear(): TreeState[] {
    const { states } = this;
    for (const [root, tree] of this.#trees) this.#drop(root, tree);
    for (const root of this.#stored) this.#unstore(root);
    return states;
  }

  /** @returns what it has cost, in bytes */
  #drop(root: string, tree: CachedTree): number {
    this.#trees.delete(root);
    const bytes = (tree.state?.cost ?? treeBytes(root)) + (tree.pending?.bytes ?? 0);
    this.#account.adjust({ bytes: -bytes, trees: -1, files: -(tree.state?.files.length ?? 0) });
    tree.state?.view.release();
    return bytes;
  }

  // ── the agent ──

  /**
   * Drops the states that were sent by an agent which did something else with secrets: nobody may be shown, as its last
   * state, what is hidden now, and it must not stay on the disk. The parts of updates that it sent go with them.
   *
   * @param secrets what the agent does that has just come @returns the states that were here
   */
  setSecrets(secrets: SecretsMode | undefined): TreeState[] {
    const dropped: TreeState[] = [];
    for (const [root, tree] of this.#trees) {
      if (tree.secrets === secrets) continue;
      if (tree.state !== undefined) dropped.push(tree.state);
      this.#drop(root, tree);
    }
    if (!this.isReplica) {
      for (const root of this.#store.rootsOtherThan(this.#workspace, secrets)) {
        this.#unstore(root);
        this.#store.delete(this.#workspace, root);
      }
    }
    this.#secrets = secrets;
    this.#knowsSecrets = true;
    return dropped;
  }

  /**
   * Names the states that an agent which has just come may go on from.
   *
   * @param knowsComparisons whether it knows of others than those against HEAD
   */
  knownHeads(knowsComparisons = true): HeldTree[] {
    const states = this.states.filter(({ compare }) => knowsComparisons || compare === undefined).slice(0, MAX_TREES);
    const keys = states.map((state) => ({ key: treeKey(state.root, state.compare), state }));
    const here = new Map<string, HeldTree>(
      keys.map(({ key, state: { epoch, seq } }) => [key, { ...treeOfKey(key), epoch, seq }]),
    );
    // a relay that was started anew goes on from what its predecessor kept; read when the agent sends something of it
    for (const root of this.#stored) this.#unstore(root);
    let units = 0;
    for (const { root } of here.values()) units += root.length;
    for (const head of this.#store.heads(this.#workspace, Math.max(0, MAX_TREES - here.size))) {
      if (here.has(head.root)) continue;
      units += head.root.length;
      if (units > MAX_HEADS_UNITS || this.#account.excess({ bytes: rootBytes(head.root) }) !== undefined) break;
      here.set(head.root, head);
      this.#stored.add(head.root);
      this.#account.adjust({ bytes: rootBytes(head.root) });
    }
    return [...here.values()];
  }

  /** @returns whether it was among those that are only in the store */
  #unstore(root: string): boolean {
    if (!this.#stored.delete(root)) return false;
    this.#account.adjust({ bytes: -rootBytes(root) });
    return true;
  }

  /** The updates of which the first parts are here, from connections that were lost. */
  unfinished(): PartialUpdate[] {
    const updates: PartialUpdate[] = [];
    for (const [key, { pending }] of this.#trees) {
      if (pending?.lostAt === undefined || updates.length === MAX_TREES) continue;
      updates.push({ ...treeOfKey(key), ...pending.progress });
    }
    return updates;
  }

  /** Forgets these when nobody has gone on with them. @param ms after how long @returns what they cost, in bytes */
  forgetUnfinished(ms = KEEP_UNFINISHED_MS): number {
    let gone = 0;
    for (const tree of this.#trees.values()) {
      const { pending } = tree;
      if (pending?.lostAt === undefined || !hasPassed(ms, pending.lostAt)) continue;
      gone += pending.bytes;
      this.#setPending(tree, undefined);
    }
    return gone;
  }

  /** The agent is lost. When it is back it may go on with the updates that it has not finished, if it numbers their parts. */
  agentIsGone(): void {
    for (const tree of this.#trees.values()) {
      tree.live = false;
      if (tree.pending?.isNumbered) tree.pending.lose();
      else this.#setPending(tree, undefined);
      tree.resyncing = false;
    }
  }

  /** The agent was refused for what it sent: nobody goes on with that. */
  agentIsRefused(): void {
    for (const tree of this.#trees.values()) this.#setPending(tree, undefined);
  }

  /** The agent follows the tree no longer. */
  unfollow(root: string): void {
    const tree = this.#trees.get(root);
    if (tree !== undefined) tree.live = false;
  }

  /**
   * @throws TunnelLimitError when an agent may not send so much, or that; then the last whole state stands
   */
  apply(part: TreeMessage): PartOutcome {
    const { root } = part;
    const key = treeKey(root, part.compare);
    if (!this.#trees.has(key)) this.#reserve({ bytes: treeBytes(key), trees: 1 });
    const isStored = this.#unstore(key);
    const tree = isStored && part.base !== null ? this.#load(key) : this.#tree(key); // a whole state has no use for it
    if (tree.pending?.goesOnWith(part) !== true) {
      if ((part.part ?? 0) > 0) return gapOf(tree); // what came before it was evicted
      this.#setPending(tree, new PendingUpdate(part));
    }
    const { pending } = tree;
    if (pending === undefined) throw new Error("an update is under way");
    pending.resume(); // before room is made for more of it
    const bytes = PendingUpdate.bytesOf(part);
    this.#reserve({ bytes });
    const update = pending.add(part, bytes);
    this.#account.adjust({ bytes });
    if (update === undefined) return { kind: "unfinished" };
    const before = tree.state;
    const state = applyUpdate(before, update);
    if (state === undefined) {
      this.#setPending(tree, undefined);
      return gapOf(tree);
    }
    tree.resyncing = false;
    const change = {
      bytes: state.cost - (before?.cost ?? treeBytes(key)),
      files: state.files.length - (before?.files.length ?? 0),
    };
    this.#reserve({ ...change, bytes: change.bytes - pending.bytes }); // before the tree has no update that keeps it here
    this.#setPending(tree, undefined);
    this.#account.adjust(change);
    tree.state = state;
    tree.secrets = this.#secrets;
    return { kind: "changed", before, state };
  }

  #setPending(tree: CachedTree, pending: PendingUpdate | undefined): void {
    this.#account.adjust({ bytes: (pending?.bytes ?? 0) - (tree.pending?.bytes ?? 0) });
    tree.pending = pending;
  }

  /** Evicts what nobody watches, unless the connected agent has sent it just now. @returns whether there is room then */
  #hasRoom(change: Holding): boolean {
    if (this.#account.excess(change) === undefined) return true;
    this.evict(Number.POSITIVE_INFINITY);
    for (const [root, tree] of this.#trees) {
      if (!tree.live && tree.pending === undefined && !this.#isWatched(root)) this.#drop(root, tree);
    }
    return this.#account.excess(change) === undefined;
  }

  /** Makes room. @throws BudgetExceededError */
  #reserve(change: Holding): void {
    if (this.#hasRoom(change)) return;
    throw new BudgetExceededError(this.#account.excess(change) ?? "workspace-bytes");
  }

  /** The tree was read, and what is here is true. @returns whether it is known */
  confirm(root: string, scannedAt: number): boolean {
    if (this.#unstore(root)) this.load(root);
    const tree = this.#trees.get(root);
    if (tree === undefined) return false;
    tree.scannedAt = latestUntilNow(tree.scannedAt, scannedAt);
    tree.live = true;
    return true;
  }

  /** The tree is gone with its comparisons, here and in the store. @returns their last states */
  removeAll(root: string): TreeState[] {
    const keys = [...this.#trees].flatMap(([key, { state }]) => (state?.root === root && key !== root ? key : []));
    return [root, ...keys].flatMap((key) => this.remove(key) ?? []);
  }

  /** The tree is gone, here and in the store. @returns its last state */
  remove(root: string): TreeState | undefined {
    this.#unstore(root);
    const tree = this.#trees.get(root);
    if (tree !== undefined) this.#drop(root, tree);
    if (!this.isReplica) this.#store.delete(this.#workspace, root);
    return tree?.state;
  }

  #tree(root: string): CachedTree {
    let tree = this.#trees.get(root);
    if (tree === undefined) {
      tree = newTree(this.#secrets);
      this.#trees.set(root, tree);
      this.#account.adjust({ bytes: treeBytes(root), trees: 1 });
    }
    return tree;
  }
}

/** What the agent sends of the tree builds on what is not here: it is asked for the whole state. */
function gapOf(tree: CachedTree): PartOutcome {
  const isNew = !tree.resyncing;
  tree.resyncing = true;
  return { kind: "gap", isNew };
}
