import { type AgentMessage, MAX_TREES, type RelayMessage, type TreeMessage } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import type { ChatRoots, TreeStates } from "../store/index.js";
import { Channel } from "./channel.js";
import { FrameCache } from "./frames.js";
import { MAX_PENDING_UNITS, PendingUpdate, TunnelLimitError } from "./pending-update.js";
import { applyUpdate, restoreState, type TreeState } from "./tree.js";
import type { Viewer } from "./viewer.js";

/** The states of Coder's agents; those other than `connected` stand in the answer before an upgrade. */
export type AgentStatus = "connecting" | "connected" | "disconnected" | "timeout";

/** The relay's end of one agent's tunnel. */
export interface AgentLink {
  send(message: RelayMessage): void;
}

/** How long a barrier may take before it is given up, in milliseconds. */
const BARRIER_DEADLINE_MS = 60_000;

/** A tree that changes all the time is written to the store this often, in milliseconds. */
const BUSY_SAVE_MS = 30_000;

/** How long a chat goes on being watched when its last viewer has left (a page that reloads), in milliseconds. */
export const LINGER_MS = 10_000;

interface Tree {
  state: TreeState | undefined;
  /** Milliseconds since 1970. */
  scannedAt: number;
  /** The agent that is connected now has spoken of it, and follows it for a chat. */
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

/** What the protocol names a state of a tree by. */
function versionOf({ epoch, seq }: TreeState): string {
  return `${epoch} ${seq}`;
}

/** Whether nothing is held that the store lacks. */
function isSaved({ state, saved }: Tree): boolean {
  return state === undefined || versionOf(state) === saved;
}

/** Everything that belongs to one workspace: its agent, its trees, and the chats that look at them. */
export class Workspace {
  readonly id: string;
  readonly frames = new FrameCache();
  readonly #chatRoots: ChatRoots;
  readonly #treeStates: TreeStates;
  readonly #log: Logger;
  readonly #lingerMs: number;
  readonly #trees = new Map<string, Tree>();
  readonly #channels = new Map<string, Channel>();
  /** `undefined`: a channel or its roots have changed since it was made. */
  #channelsByRoot: Map<string, Channel[]> | undefined;
  /** Those whose clients have not taken their last frame while there is more to tell. */
  readonly waiting = new Set<Viewer>();
  readonly #lingering = new Map<Channel, NodeJS.Timeout>();
  readonly #barriers = new Map<number, { resolve: (scannedAt: number) => void; reject: (reason: Error) => void }>();
  #barrierCount = 0;
  /** Of updates whose last part has not come. */
  #pendingUnits = 0;
  /** Trees that the connected agent may go on from although their states are only in the store. */
  #stored = new Set<string>();
  #link: AgentLink | undefined;
  #status: AgentStatus = "disconnected";

  constructor(id: string, options: { chatRoots: ChatRoots; treeStates: TreeStates; log: Logger; lingerMs?: number }) {
    this.id = id;
    this.#chatRoots = options.chatRoots;
    this.#treeStates = options.treeStates;
    this.#log = options.log.child({ workspace: id });
    this.#lingerMs = options.lingerMs ?? LINGER_MS;
  }

  get status(): AgentStatus {
    return this.#status;
  }

  get agentAwayMessage(): string {
    return `the workspace's agent is ${this.#status}; what was shown stands until it is back`;
  }

  get channels(): Iterable<Channel> {
    return this.#channels.values();
  }

  /** The tree states that are held. */
  get states(): TreeState[] {
    return [...this.#trees.values()].flatMap(({ state }) => (state === undefined ? [] : [state]));
  }

  // ── viewers ──

  /** The channel of a chat, made when it is new. A channel without viewers goes away after the linger time. */
  channel(chat: string, paths: readonly string[]): Channel {
    let channel = this.#channels.get(chat);
    if (channel === undefined) {
      channel = new Channel(this, chat, paths);
      this.#channels.set(chat, channel);
      this.#link?.send({ type: "watch", chat, paths: [...paths] });
    } else if (channel.paths.join("\0") !== paths.join("\0")) {
      channel.paths = paths;
      this.#link?.send({ type: "watch", chat, paths: [...paths] });
      if (this.#link !== undefined) channel.start();
    }
    return channel;
  }

  join(channel: Channel, viewer: Viewer): void {
    clearTimeout(this.#lingering.get(channel));
    this.#lingering.delete(channel);
    channel.viewers.add(viewer);
    if (this.#status === "connected") channel.start([viewer]);
  }

  leave(channel: Channel, viewer: Viewer): void {
    channel.viewers.delete(viewer);
    if (channel.viewers.size > 0 || this.#lingering.has(channel)) return;
    const timer = setTimeout(() => this.drop(channel), this.#lingerMs);
    timer.unref();
    this.#lingering.set(channel, timer);
  }

  /** Nobody watches the chat any more. */
  drop(channel: Channel): void {
    clearTimeout(this.#lingering.get(channel));
    this.#lingering.delete(channel);
    if (this.#channels.get(channel.chat) !== channel) return;
    this.#channels.delete(channel.chat);
    this.#channelsByRoot = undefined;
    this.#link?.send({ type: "unwatch", chat: channel.chat });
    for (const root of channel.roots) {
      const tree = this.#trees.get(root);
      if (tree !== undefined && this.#channelsOf(root).length === 0) tree.live = false;
    }
  }

  // ── what is kept ──

  /** Whether the last states of a chat's trees are here or in the store; brings them here. */
  recall(channel: Channel): boolean {
    if (!channel.knowsRoots) {
      const roots = this.#chatRoots.present(channel.chat);
      if (roots.length === 0) return false;
      channel.setRoots(roots);
      this.#channelsByRoot = undefined;
    }
    for (const root of channel.roots) this.#recallTree(root);
    return channel.states().length > 0;
  }

  /** The tree, with its last state if that is here or in the store. */
  #recallTree(root: string): Tree {
    const tree = this.#tree(root);
    if (tree.state !== undefined) return tree;
    const stored = this.#treeStates.load(this.id, root);
    if (stored === undefined) return tree;
    tree.state = restoreState(stored);
    tree.saved = versionOf(tree.state);
    tree.scannedAt = Date.parse(stored.meta.scanned_at);
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
      const isBusy = tree.live && tree.seen !== version && Date.now() - tree.savedAt < BUSY_SAVE_MS;
      tree.seen = version;
      if (isBusy && !everything) continue;
      tree.saved = version;
      tree.savedAt = Date.now();
      const meta = { ...state.meta, scanned_at: new Date(tree.scannedAt).toISOString() };
      // gone, or newer, while it was compressed: then the next round writes what is true
      await this.#treeStates.save(this.id, { ...state, meta }, () => this.#trees.get(state.root)?.state !== state);
      if (tree.state !== state) tree.saved = undefined;
    }
  }

  /** Lets go of written states that nobody watches. @param units how many UTF-16 units are too many @returns how many went */
  letGo(units: number): number {
    let gone = 0;
    for (const [root, tree] of this.#trees) {
      const { state, pending } = tree;
      if (gone >= units) break;
      if (state === undefined || !isSaved(tree) || pending !== undefined) continue;
      if (this.#channelsOf(root).length > 0) continue;
      this.#trees.delete(root);
      gone += state.size;
    }
    return gone;
  }

  /** Nobody is here and nothing is held that the store lacks. */
  get isIdle(): boolean {
    const isKept = [...this.#trees.values()].every(isSaved);
    return this.#link === undefined && this.#status !== "connecting" && this.#channels.size === 0 && isKept;
  }

  // ── what channels ask ──

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

  tombstones(chat: string): string[] {
    return this.#chatRoots.tombstones(chat);
  }

  /** Asks the agent to read a chat's trees. @returns when it did, in milliseconds since 1970; rejects when it is lost */
  refresh(chat: string): Promise<number> {
    const link = this.#link;
    if (link === undefined || this.#status !== "connected") return Promise.reject(new Error("no agent"));
    this.#barrierCount += 1;
    const id = this.#barrierCount;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#log.warn({ chat }, "the agent has not answered a refresh");
        this.#barriers.get(id)?.reject(new Error("no answer"));
      }, BARRIER_DEADLINE_MS).unref();
      const settle = () => {
        clearTimeout(timer);
        this.#barriers.delete(id);
      };
      this.#barriers.set(id, {
        resolve: (scannedAt) => {
          settle();
          resolve(scannedAt);
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      });
      link.send({ type: "refresh", id, chat });
    });
  }

  // ── the agent ──

  /** An agent's socket is open; it has not said hello yet. */
  agentConnecting(): void {
    if (this.#status !== "connected") this.#status = "connecting";
  }

  /** The agent has said hello. It takes the place of the one before. @returns the states that it may go on from */
  attach(link: AgentLink): { root: string; epoch: string; seq: number }[] {
    if (this.#link !== undefined) this.#forgetLink("disconnected");
    this.#link = link;
    this.#status = "connected";
    const here = new Map(this.states.map(({ root, epoch, seq }) => [root, { root, epoch, seq }]));
    // a relay that was started anew goes on from what its predecessor kept; read when the agent speaks of it
    this.#stored = new Set();
    for (const head of this.#treeStates.heads(this.id, Math.max(0, MAX_TREES - here.size))) {
      if (here.has(head.root)) continue;
      here.set(head.root, head);
      this.#stored.add(head.root);
    }
    return [...here.values()];
  }

  /** Tells an agent that has just been welcomed what is being watched. */
  resume(): void {
    for (const channel of this.#channels.values()) {
      this.#link?.send({ type: "watch", chat: channel.chat, paths: [...channel.paths] });
      if (channel.viewers.size > 0) channel.start();
    }
  }

  /** The link is gone, whether it said hello or not. Does nothing when another one has taken its place. */
  detach(link: AgentLink | undefined, status: "disconnected" | "timeout"): void {
    if (this.#link !== link) return;
    this.#forgetLink(status);
    if (link === undefined) return;
    for (const channel of this.#channels.values()) channel.tellError(this.agentAwayMessage);
  }

  #forgetLink(status: AgentStatus): void {
    this.#link = undefined;
    this.#status = status;
    this.#pendingUnits = 0;
    for (const tree of this.#trees.values()) {
      tree.live = false;
      tree.pending = undefined;
      tree.resyncing = false;
    }
    for (const barrier of [...this.#barriers.values()]) barrier.reject(new Error("the agent is gone"));
  }

  /** What the connected agent says after its hello. Messages of a link that was replaced are dropped. */
  receive(link: AgentLink, message: Exclude<AgentMessage, { type: "hello" }>): void {
    if (this.#link !== link) return;
    switch (message.type) {
      case "chat":
        this.#receiveChat(message.chat, message.roots);
        break;
      case "tree":
        this.#receiveTree(link, message);
        break;
      case "scanned":
        this.#confirm(message.root, Date.parse(message.scanned_at));
        break;
      case "gone":
        this.#receiveGone(message.root);
        break;
      case "refreshed":
        this.#barriers.get(message.id)?.resolve(Date.parse(message.scanned_at));
        break;
      case "trouble":
        this.#receiveTrouble(message);
        break;
      default:
        message satisfies never;
    }
  }

  #receiveChat(chat: string, roots: readonly string[]): void {
    const channel = this.#channels.get(chat.toLowerCase());
    if (channel === undefined) return; // it was unwatched meanwhile
    channel.renewTroubles();
    this.#setRoots(channel, roots);
  }

  #setRoots(channel: Channel, roots: readonly string[]): void {
    channel.setRoots(roots);
    this.#channelsByRoot = undefined;
    this.#chatRoots.record(channel.chat, roots);
    channel.flush();
  }

  #receiveTree(link: AgentLink, part: TreeMessage): void {
    if (!this.#trees.has(part.root) && this.#trees.size >= MAX_TREES) this.#makeRoom();
    const tree = this.#stored.delete(part.root) ? this.#recallTree(part.root) : this.#tree(part.root);
    this.#pendingUnits -= tree.pending?.units ?? 0;
    const pending = tree.pending?.belongsTo(part) ? tree.pending : new PendingUpdate(part);
    const update = pending.add(part);
    tree.pending = update === undefined ? pending : undefined;
    this.#pendingUnits += tree.pending?.units ?? 0;
    if (this.#pendingUnits > MAX_PENDING_UNITS) throw new TunnelLimitError("the unfinished updates are too large");
    if (update === undefined) return;
    const next = applyUpdate(tree.state, update);
    if (next === undefined) {
      if (!tree.resyncing) link.send({ type: "resync", root: part.root });
      tree.resyncing = true;
      return;
    }
    tree.resyncing = false;
    const before = tree.state;
    tree.state = next;
    this.#confirm(part.root, Date.parse(update.meta.scanned_at));
    if (before !== undefined) this.#supersede(before, next);
    link.send({ type: "ack", root: next.root, epoch: next.epoch, seq: next.seq });
  }

  /** Nobody is told a state any more: clients that do not read remember what they were told of it, and hold none of it. */
  #supersede(before: TreeState, next?: TreeState): void {
    for (const viewer of this.waiting) viewer.superseded(before);
    if (before.view === next?.view) return;
    if (this.waiting.size > 0) before.view.seal();
    before.view.entry.release();
  }

  /** Lets go of what nobody watches, unless the connected agent has told it just now. @throws TunnelLimitError */
  #makeRoom(): void {
    this.letGo(Number.POSITIVE_INFINITY);
    for (const [root, { live, pending }] of this.#trees) {
      if (!live && pending === undefined && this.#channelsOf(root).length === 0) this.#trees.delete(root);
    }
    if (this.#trees.size >= MAX_TREES) throw new TunnelLimitError(`over ${MAX_TREES} trees`);
  }

  /** The tree was read, and what is here is true. */
  #confirm(root: string, scannedAt: number): void {
    const tree = this.#stored.delete(root) ? this.#recallTree(root) : this.#trees.get(root);
    if (tree === undefined) return;
    tree.scannedAt = Math.max(tree.scannedAt, scannedAt);
    tree.live = true;
    for (const channel of this.#channelsOf(root)) {
      channel.clearTrouble(root);
      channel.flush();
    }
  }

  #receiveGone(root: string): void {
    this.#stored.delete(root);
    const tree = this.#trees.get(root);
    this.#pendingUnits -= tree?.pending?.units ?? 0;
    this.#trees.delete(root);
    if (tree?.state !== undefined) this.#supersede(tree.state);
    this.#treeStates.delete(this.id, root);
    for (const channel of this.#channelsOf(root)) {
      this.#setRoots(
        channel,
        [...channel.roots].filter((other) => other !== root),
      );
    }
  }

  #receiveTrouble({ root, chat, code, message }: Extract<AgentMessage, { type: "trouble" }>): void {
    this.#log.warn({ root, chat, code }, "the agent reports trouble");
    for (const channel of this.#channels.values()) {
      if (chat !== null && channel.chat !== chat.toLowerCase()) continue;
      if (chat === null && root !== null && !channel.roots.has(root)) continue;
      channel.trouble(root ?? "", message);
      channel.flush();
    }
  }

  /** The channels that have a tree among theirs. Kept beside the channels: it is asked for at every update. */
  #channelsOf(root: string): readonly Channel[] {
    let index = this.#channelsByRoot;
    if (index === undefined) {
      index = new Map();
      for (const channel of this.#channels.values()) {
        for (const each of channel.roots) {
          const channels = index.get(each);
          if (channels === undefined) index.set(each, [channel]);
          else channels.push(channel);
        }
      }
      this.#channelsByRoot = index;
    }
    return index.get(root) ?? [];
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
