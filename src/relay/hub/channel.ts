import { treeKey } from "../../protocol/index.js";
import { coalesce } from "../../util/index.js";
import { Account } from "../budgets/account.js";
import { marksBytes, rootBytes, troubleBytes } from "../budgets/cost.js";
import { TunnelLimitError } from "../budgets/exceeded.js";
import { DEFAULT_LIMITS } from "../limit-options.js";
import { latestUntilNow } from "../wall-clock.js";
import type { ChannelHost } from "./channel-host.js";
import { SlicedFlush } from "./sliced-flush.js";
import type { FrameCache } from "./streams/frame-cache.js";
import { standIn, type TreeState } from "./trees/tree-state.js";
import type { TreeView } from "./trees/tree-view.js";
import type { TurnShare } from "./turn-share.js";
import type { Viewer } from "./viewer.js";
import type { BlockedViewer, WatchedChat } from "./watched-chat.js";

const NONE: ReadonlySet<string> = new Set();

/** So many failures of one chat as a whole are kept for viewers to come, and of trees that are not its own. */
const MAX_TROUBLES = 100;

/** The roots of one chat, in UTF-16 units: a client is sent all of them in one frame. */
const MAX_ROOTS_UNITS = 2 * 1024 * 1024;

/** With what a channel compares its trees. */
export interface ComparedHow {
  /** A word of docs/comparisons.md; `undefined`: HEAD. */
  compare?: string | undefined;
  /** The ref that the chat names as base. */
  base?: string | undefined;
}

/** Why HEAD's diff stands for a comparison. */
const OLD_AGENT = "the workspace's agent is too old to compare with anything but HEAD";
const NO_AGENT = "the workspace's agent is not connected, and of trees only the diff against HEAD is kept";

/** One chat that is being watched, with one comparison: which trees belong to it, and who looks. */
export class Channel implements WatchedChat {
  /** The chat's id, in lower case. */
  readonly chat: string;
  /** With what its trees are compared, a word of docs/comparisons.md; `undefined`: HEAD. */
  readonly compare: string | undefined;
  readonly viewers = new Set<Viewer>();
  /** How many other relays watch it here, where the agent is. */
  relays = 0;
  isLoading = false;
  readonly #flush: SlicedFlush<Viewer>;
  /** What the chat is bound to; none: every repository that the agent finds. */
  paths: readonly string[];
  /** The ref that the chat names as base; "": none. */
  base: string;
  /** The one that the agent takes for it. */
  agentBase = "";
  /**
   * One barrier is under way at a time, and one waits: however many clients refresh, the agent reads its trees no more
   * often than it can.
   */
  readonly barrier: () => Promise<void>;
  readonly #host: ChannelHost;
  /** The workspace's. */
  readonly #account: Account;
  /** What of that is the channel's: its list of roots, what viewers remember of them, and troubles. */
  #rootsBytes = 0;
  #marksBytes = 0;
  #troublesBytes = 0;
  #roots: ReadonlySet<string> | undefined;
  #checkedAt = 0;
  /** The failures of the chat's trees, by root. */
  readonly #troubles = new Map<string, string>();
  /** The chat's own failures; and those before the agent last listed its trees, which viewers know. */
  #ownTroubles = new Set<string>();
  #formerTroubles: ReadonlySet<string> = new Set();

  /** @param account what it holds is entered there until {@link ended} */
  constructor(
    host: ChannelHost,
    chat: string,
    paths: readonly string[],
    account = new Account(DEFAULT_LIMITS),
    { compare, base = "" }: ComparedHow = {},
  ) {
    this.#host = host;
    this.#flush = new SlicedFlush(this.viewers, host.turn);
    this.#account = account;
    this.chat = chat;
    this.compare = compare;
    this.paths = paths;
    this.base = base;
    this.barrier = coalesce(async () => {
      this.#checkedAt = latestUntilNow(this.#checkedAt, await host.refresh(chat, compare));
    });
  }

  /** When the last barrier passed, and when the agent last listed the trees: milliseconds since 1970. */
  get checkedAt(): number {
    return this.#checkedAt;
  }

  /** The name by which the workspace has one of the chat's trees, as it is compared here. */
  treeKey(root: string): string {
    if (this.compare === undefined || (this.#host.agentIsConnected && !this.#host.agentCompares)) return root;
    return treeKey(root, this.compare === "base" && this.agentBase !== "" ? `base:${this.agentBase}` : this.compare);
  }

  #state(root: string): TreeState | undefined {
    const { compare } = this;
    if (compare === undefined) return this.#host.state(root);
    const { agentIsConnected, agentCompares } = this.#host;
    if (agentIsConnected) return agentCompares ? this.#host.state(this.treeKey(root)) : this.#standIn(root, OLD_AGENT);
    return this.#host.state(this.treeKey(root)) ?? this.#standIn(root, NO_AGENT);
  }

  #standIn(root: string, reason: string): TreeState | undefined {
    const head = this.#host.state(root);
    return head && standIn(head, reason);
  }

  get frames(): FrameCache {
    return this.#host.frames;
  }

  get turn(): TurnShare {
    return this.#host.turn;
  }

  get blocked(): Set<BlockedViewer> {
    return this.#host.blocked;
  }

  get agentIsConnected(): boolean {
    return this.#host.agentIsConnected;
  }

  get agentAwayMessage(): string {
    return this.#host.agentAwayMessage;
  }

  get roots(): ReadonlySet<string> {
    return this.#roots ?? NONE;
  }

  get knowsRoots(): boolean {
    return this.#roots !== undefined;
  }

  get hasLastStates(): boolean {
    if (this.#roots === undefined) return false;
    return this.#roots.size === 0 || [...this.#roots].some((root) => this.#state(root) !== undefined);
  }

  /** Whether any viewer accepts old states, marked as such. */
  get acceptsStale(): boolean {
    return [...this.viewers].some((viewer) => viewer.acceptsStale);
  }

  /** @throws TunnelLimitError when the list is longer than an agent may make it; then the one before stands */
  setRoots(roots: Iterable<string>): void {
    const next = new Set(roots);
    let units = 0;
    let bytes = 0;
    for (const root of next) {
      units += root.length;
      bytes += rootBytes(root);
    }
    if (units > MAX_ROOTS_UNITS) throw new TunnelLimitError("the roots of a chat are too long");
    const marks = marksBytes(this.viewers.size, next.size);
    this.#account.add({ bytes: bytes + marks - this.#rootsBytes - this.#marksBytes });
    this.#rootsBytes = bytes;
    this.#marksBytes = marks;
    this.#roots = next;
    this.#checkedAt = Date.now();
    for (const root of this.#troubles.keys()) if (!this.#roots.has(root)) this.clearTrouble(root);
  }

  join(viewer: Viewer): void {
    this.viewers.add(viewer);
    this.#countMarks();
  }

  leave(viewer: Viewer): void {
    this.viewers.delete(viewer);
    this.#flush.forget(viewer);
    this.#countMarks();
  }

  #countMarks(): void {
    const marks = marksBytes(this.viewers.size, this.roots.size);
    this.#account.adjust({ bytes: marks - this.#marksBytes });
    this.#marksBytes = marks;
  }

  /** The channel is no longer there. */
  ended(): void {
    this.#account.adjust({ bytes: -(this.#rootsBytes + this.#marksBytes + this.#troublesBytes) });
    this.#rootsBytes = 0;
    this.#marksBytes = 0;
    this.#troublesBytes = 0;
  }

  /** The agent lists the chat's trees anew, and reports again what still stands in its way. */
  renewTroubles(): void {
    for (const message of this.#formerTroubles) this.#forgetTrouble("", message);
    this.#formerTroubles = this.#ownTroubles;
    this.#ownTroubles = new Set();
  }

  states(): TreeState[] {
    const states: TreeState[] = [];
    for (const root of this.roots) {
      const state = this.#state(root);
      if (state !== undefined) states.push(state);
    }
    return states;
  }

  views(): TreeView[] {
    const views: TreeView[] = [];
    for (const root of this.roots) {
      const state = this.#state(root);
      if (state !== undefined) views.push(state.view);
    }
    return views;
  }

  view(root: string): TreeView | undefined {
    return this.roots.has(root) ? this.#state(root)?.view : undefined;
  }

  isSettled(): boolean {
    if (this.#roots === undefined) return false;
    return [...this.#roots].every((root) => this.#host.isLive(this.treeKey(root)) || this.#troubles.has(root));
  }

  hasNoMore(root: string): boolean {
    return this.#roots !== undefined && !this.#roots.has(root);
  }

  tombstones(): readonly string[] {
    const { roots } = this;
    const stored = this.#host.tombstones(this.chat);
    // as a rule the store has heard of the list, and nothing has to be taken out
    return stored.some((root) => roots.has(root)) ? stored.filter((root) => !roots.has(root)) : stored;
  }

  scannedAt(roots: readonly string[], afterBarrier: boolean): number {
    if (roots.length > 0) return roots.reduce((last, root) => Math.max(last, this.#scannedAt(root)), 0);
    if (afterBarrier) return this.#checkedAt;
    const times = this.views().map(({ root }) => this.#scannedAt(root));
    return times.length > 0 ? Math.min(...times) : this.#checkedAt;
  }

  #scannedAt(root: string): number {
    const at = this.#host.scannedAt(this.treeKey(root));
    return at === 0 ? this.#host.scannedAt(root) : at;
  }

  /**
   * Something stands in the way: every viewer gets it, at most once until it passes.
   *
   * @param root "" for the chat as a whole
   * @throws TunnelLimitError when there is no room to remember it
   */
  addTrouble(root: string, message: string): void {
    if (root === "") {
      const known = this.#ownTroubles.has(message) || this.#formerTroubles.has(message);
      if (this.#ownTroubles.size < MAX_TROUBLES && !this.#ownTroubles.has(message)) {
        this.#rememberTrouble("", message);
        this.#ownTroubles.add(message);
      }
      if (known) return;
    } else {
      if (this.#troubles.get(root) === message) return;
      if (this.roots.has(root) || this.#troubles.size < MAX_TROUBLES) {
        this.clearTrouble(root);
        this.#rememberTrouble(root, message);
        this.#troubles.set(root, message);
      }
    }
    for (const viewer of this.viewers) viewer.sendTrouble(message);
  }

  /** The tree can be read again. */
  clearTrouble(root: string): void {
    const message = this.#troubles.get(root);
    if (message === undefined) return;
    this.#troubles.delete(root);
    this.#forgetTrouble(root, message);
  }

  #rememberTrouble(root: string, message: string): void {
    const bytes = troubleBytes(root, message);
    this.#account.add({ bytes });
    this.#troublesBytes += bytes;
  }

  #forgetTrouble(root: string, message: string): void {
    const bytes = troubleBytes(root, message);
    this.#account.adjust({ bytes: -bytes });
    this.#troublesBytes -= bytes;
  }

  /** States of trees are no longer here: what viewers were sent of them is of no use for the next ones. */
  forget(states: Iterable<TreeState>): void {
    for (const { root } of states) {
      if (this.roots.has(root)) for (const viewer of this.viewers) viewer.forget(root);
    }
  }

  troubles(): string[] {
    return [...this.#ownTroubles, ...this.#troubles.values()];
  }

  /** The same with the roots that they concern; "": the chat as a whole. */
  troublesByRoot(): { root: string; message: string }[] {
    const own = [...this.#ownTroubles].map((message) => ({ root: "", message }));
    return [...own, ...[...this.#troubles].map(([root, message]) => ({ root, message }))];
  }

  /** The agent is lost. */
  agentIsAway(): void {
    for (const viewer of [...this.viewers]) viewer.agentIsAway(); // it may leave
  }

  /** The last states cannot be read: those fail who wait for them. For others stands what they have been shown. */
  cannotStart(thrown: unknown): void {
    for (const viewer of [...this.viewers]) if (viewer.isStarting && viewer.acceptsStale) viewer.fail(thrown);
  }

  /** Viewers that have not been sent the newest state because others are served first. */
  get waiting(): ReadonlySet<BlockedViewer> {
    return this.#flush.waiting;
  }

  flush(): void {
    this.#flush.flush();
  }

  /** Waits for a barrier that begins now, and lets the first frames of these viewers go. */
  start(viewers: Iterable<Viewer> = this.viewers): void {
    const waiting = [...viewers];
    this.barrier().then(
      () => {
        for (const viewer of waiting) if (viewer.chat === this) viewer.markReady();
      },
      () => undefined, // the agent was lost: when it is back, another barrier begins for those who are here
    );
  }
}
