import type { AgentMessage, RelayMessage, TreeMessage } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import type { ChatRoots, TreeHead, TreeStates } from "../store/index.js";
import { Barriers } from "./barriers.js";
import { Channel } from "./channel.js";
import { FrameCache } from "./streams/frame-cache.js";
import { TreeCache } from "./trees/tree-cache.js";
import type { TreeState } from "./trees/tree-state.js";
import type { Viewer } from "./viewer.js";

/** The states of Coder's agents; those other than `connected` stand in the answer before an upgrade. */
export type AgentState = "connecting" | "connected" | "disconnected" | "timeout";

/** The relay's end of one agent's tunnel. */
export interface AgentLink {
  send(message: RelayMessage): void;
}

/** How long a chat goes on being watched when its last viewer has left (a page that reloads), in milliseconds. */
export const LINGER_MS = 10_000;

/** Everything that belongs to one workspace: its agent, its trees, and the chats that look at them. */
export class Workspace {
  readonly id: string;
  readonly frames = new FrameCache();
  readonly #chatRoots: ChatRoots;
  readonly #log: Logger;
  readonly #lingerMs: number;
  readonly #trees: TreeCache;
  readonly #barriers: Barriers;
  readonly #channels = new Map<string, Channel>();
  /** `undefined`: a channel or its roots have changed since it was made. */
  #channelsByRoot: Map<string, Channel[]> | undefined;
  /** Those whose clients have not taken their last frame while there is more to tell. */
  readonly waiting = new Set<Viewer>();
  readonly #lingering = new Map<Channel, NodeJS.Timeout>();
  #link: AgentLink | undefined;
  #status: AgentState = "disconnected";

  constructor(id: string, options: { chatRoots: ChatRoots; treeStates: TreeStates; log: Logger; lingerMs?: number }) {
    this.id = id;
    this.#chatRoots = options.chatRoots;
    this.#trees = new TreeCache(id, options.treeStates, (root) => this.#channelsOf(root).length > 0);
    this.#log = options.log.child({ workspace: id });
    this.#barriers = new Barriers(this.#log);
    this.#lingerMs = options.lingerMs ?? LINGER_MS;
  }

  get status(): AgentState {
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
    return this.#trees.states;
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
    for (const root of channel.roots) if (this.#channelsOf(root).length === 0) this.#trees.unfollow(root);
  }

  // ── what is kept ──

  /** Whether the last states of a chat's trees are here or in the store; brings them here. */
  load(channel: Channel): boolean {
    if (!channel.knowsRoots) {
      const roots = this.#chatRoots.present(channel.chat);
      if (roots.length === 0) return false;
      channel.setRoots(roots);
      this.#channelsByRoot = undefined;
    }
    for (const root of channel.roots) this.#trees.load(root);
    return channel.states().length > 0;
  }

  /** Writes the states that have changed. @param everything those that go on changing as well */
  save(everything: boolean): Promise<void> {
    return this.#trees.save(everything);
  }

  /** Lets go of written states that nobody watches. @param units how many UTF-16 units are too many @returns how many went */
  evict(units: number): number {
    return this.#trees.evict(units);
  }

  /** Nobody is here and nothing is held that the store lacks. */
  get isIdle(): boolean {
    const isUnused = this.#link === undefined && this.#status !== "connecting" && this.#channels.size === 0;
    return isUnused && this.#trees.areSaved;
  }

  // ── what channels ask ──

  state(root: string): TreeState | undefined {
    return this.#trees.state(root);
  }

  isLive(root: string): boolean {
    return this.#trees.isLive(root);
  }

  /** Milliseconds since 1970. */
  scannedAt(root: string): number {
    return this.#trees.scannedAt(root);
  }

  tombstones(chat: string): string[] {
    return this.#chatRoots.tombstones(chat);
  }

  /** Asks the agent to read a chat's trees. @returns when it did, in milliseconds since 1970; rejects when it is lost */
  refresh(chat: string): Promise<number> {
    const link = this.#link;
    if (link === undefined || this.#status !== "connected") return Promise.reject(new Error("no agent"));
    return this.#barriers.add(chat, (id) => link.send({ type: "refresh", id, chat }));
  }

  // ── the agent ──

  /** An agent's socket is open; it has not said hello yet. */
  agentConnecting(): void {
    if (this.#status !== "connected") this.#status = "connecting";
  }

  /** The agent has said hello. It takes the place of the one before. @returns the states that it may go on from */
  attach(link: AgentLink): TreeHead[] {
    if (this.#link !== undefined) this.#forgetLink("disconnected");
    this.#link = link;
    this.#status = "connected";
    return this.#trees.knownHeads();
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

  #forgetLink(status: AgentState): void {
    this.#link = undefined;
    this.#status = status;
    this.#trees.agentIsGone();
    this.#barriers.rejectAll();
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
        this.#barriers.pass(message.id, Date.parse(message.scanned_at));
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
    const taken = this.#trees.apply(part);
    if (taken.kind === "gap" && taken.isNew) link.send({ type: "resync", root: part.root });
    if (taken.kind !== "changed") return;
    const { before, state } = taken;
    this.#confirm(part.root, Date.parse(state.meta.scanned_at));
    if (before !== undefined) this.#supersede(before, state);
    link.send({ type: "ack", root: state.root, epoch: state.epoch, seq: state.seq });
  }

  /** Nobody is told a state any more: clients that do not read remember what they were told of it, and hold none of it. */
  #supersede(before: TreeState, next?: TreeState): void {
    for (const viewer of this.waiting) viewer.stateReplaced(before);
    if (before.view === next?.view) return;
    if (this.waiting.size > 0) before.view.seal();
    before.view.entry.release();
  }

  /** The tree was read, and what is here is true. */
  #confirm(root: string, scannedAt: number): void {
    if (!this.#trees.confirm(root, scannedAt)) return;
    for (const channel of this.#channelsOf(root)) {
      channel.clearTrouble(root);
      channel.flush();
    }
  }

  #receiveGone(root: string): void {
    const last = this.#trees.remove(root);
    if (last !== undefined) this.#supersede(last);
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
}
