import type { AgentMessage } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import type { ChatRoots, TreeHead, TreeStates } from "../store/index.js";
import { type AgentLink, AgentSession, type AgentState } from "./agent-session.js";
import { Barriers } from "./barriers.js";
import { Channel } from "./channel.js";
import type { ChannelHost } from "./channel-host.js";
import { Channels } from "./channels.js";
import { FrameCache } from "./streams/frame-cache.js";
import { TreeCache } from "./trees/tree-cache.js";
import type { TreeState } from "./trees/tree-state.js";
import type { Viewer } from "./viewer.js";
import type { BlockedViewer } from "./watched-chat.js";

/** How long a chat goes on being watched when its last viewer has left (a page that reloads), in milliseconds. */
export const LINGER_MS = 10_000;

/** Everything that belongs to one workspace: its agent, its trees, and the chats that look at them. */
export class Workspace implements ChannelHost {
  readonly id: string;
  readonly frames = new FrameCache();
  readonly blocked = new Set<BlockedViewer>();
  readonly #chatRoots: ChatRoots;
  readonly #log: Logger;
  readonly #lingerMs: number;
  readonly #trees: TreeCache;
  readonly #barriers: Barriers;
  readonly #channels = new Channels();
  readonly #lingering = new Map<Channel, NodeJS.Timeout>();
  #session: AgentSession | undefined;
  /** What holds while there is no session. */
  #stateWithoutAgent: Exclude<AgentState, "connected"> = "disconnected";

  constructor(id: string, options: { chatRoots: ChatRoots; treeStates: TreeStates; log: Logger; lingerMs?: number }) {
    this.id = id;
    this.#chatRoots = options.chatRoots;
    this.#trees = new TreeCache(id, options.treeStates, (root) => this.#channels.withRoot(root).length > 0);
    this.#log = options.log.child({ workspace: id });
    this.#barriers = new Barriers(this.#log);
    this.#lingerMs = options.lingerMs ?? LINGER_MS;
  }

  get agentState(): AgentState {
    return this.#session === undefined ? this.#stateWithoutAgent : "connected";
  }

  get agentIsConnected(): boolean {
    return this.#session !== undefined;
  }

  get agentAwayMessage(): string {
    return `the workspace's agent is ${this.agentState}; what was shown stands until it is back`;
  }

  get channels(): Iterable<Channel> {
    return this.#channels;
  }

  /** The tree states that are held. */
  get states(): TreeState[] {
    return this.#trees.states;
  }

  // ── viewers ──

  /**
   * The channel of a chat, made when it is new. A channel without viewers goes away after the linger time.
   *
   * @param chat its id, in lower case
   */
  channel(chat: string, paths: readonly string[]): Channel {
    let channel = this.#channels.get(chat);
    if (channel === undefined) {
      channel = new Channel(this, chat, paths);
      this.#channels.add(channel);
      this.#session?.watch(channel);
    } else if (channel.paths.join("\0") !== paths.join("\0")) {
      channel.paths = paths;
      this.#session?.watch(channel);
      if (this.#session !== undefined) channel.start();
    }
    return channel;
  }

  join(channel: Channel, viewer: Viewer): void {
    clearTimeout(this.#lingering.get(channel));
    this.#lingering.delete(channel);
    channel.viewers.add(viewer);
    if (this.#session !== undefined) channel.start([viewer]);
  }

  leave(channel: Channel, viewer: Viewer): void {
    channel.viewers.delete(viewer);
    if (channel.viewers.size > 0 || this.#lingering.has(channel)) return;
    const timer = setTimeout(() => this.drop(channel), this.#lingerMs);
    timer.unref();
    this.#lingering.set(channel, timer);
  }

  /** Stops watching a channel that has no viewer, without lingering. */
  drop(channel: Channel): void {
    if (channel.viewers.size > 0) return;
    clearTimeout(this.#lingering.get(channel));
    this.#lingering.delete(channel);
    if (!this.#channels.delete(channel)) return;
    this.#session?.unwatch(channel);
    for (const root of channel.roots) if (this.#channels.withRoot(root).length === 0) this.#trees.unfollow(root);
  }

  // ── what is kept ──

  /** Whether the last states of a chat's trees are here or in the store; brings them here. */
  load(channel: Channel): boolean {
    if (!channel.knowsRoots) {
      const roots = this.#chatRoots.present(channel.chat);
      if (roots.length === 0) return false;
      this.#channels.setRoots(channel, roots);
    }
    for (const root of channel.roots) this.#trees.load(root);
    return channel.states().length > 0;
  }

  /** Writes the states that have changed. @param everything those that go on changing as well */
  save(everything: boolean): Promise<void> {
    return this.#trees.save(everything);
  }

  /** Evicts written states that nobody watches. @param units how many UTF-16 units are too many @returns how many went */
  evict(units: number): number {
    return this.#trees.evict(units);
  }

  /** Nobody is here and nothing is held that the store lacks. */
  get isIdle(): boolean {
    const isUnused = this.agentState !== "connected" && this.agentState !== "connecting" && this.#channels.size === 0;
    return isUnused && this.#trees.areSaved;
  }

  // ── what channels ask ──

  state(root: string): TreeState | undefined {
    return this.#trees.state(root);
  }

  isLive(root: string): boolean {
    return this.#trees.isLive(root);
  }

  scannedAt(root: string): number {
    return this.#trees.scannedAt(root);
  }

  tombstones(chat: string): string[] {
    return this.#chatRoots.tombstones(chat);
  }

  refresh(chat: string): Promise<number> {
    return this.#session?.refresh(chat) ?? Promise.reject(new Error("no agent"));
  }

  // ── the agent ──

  /** An agent's socket is open; it has not said hello yet. */
  agentConnecting(): void {
    this.#stateWithoutAgent = "connecting";
  }

  /** The agent has said hello. It takes the place of the one before. @returns the states that it may go on from */
  attach(link: AgentLink): TreeHead[] {
    this.#session?.end();
    this.#session = new AgentSession(link, {
      trees: this.#trees,
      channels: this.#channels,
      barriers: this.#barriers,
      chatRoots: this.#chatRoots,
      blocked: this.blocked,
      log: this.#log,
    });
    return this.#trees.knownHeads();
  }

  /** Asks an agent that has just been welcomed for what is being watched. */
  resume(): void {
    for (const channel of this.#channels) {
      this.#session?.watch(channel);
      if (channel.viewers.size > 0) channel.start();
    }
  }

  /** The link is gone, whether it said hello or not. Does nothing when another one has taken its place. */
  detach(link: AgentLink | undefined, state: "disconnected" | "timeout"): void {
    if (this.#session?.link !== link) return;
    this.#stateWithoutAgent = state;
    this.#session?.end();
    this.#session = undefined;
    if (link === undefined) return;
    for (const channel of this.#channels) channel.sendError(this.agentAwayMessage);
  }

  /**
   * A message of the connected agent, after its hello. Messages of a link that was replaced are dropped.
   *
   * @throws TunnelLimitError when an agent may not send so much
   */
  receive(link: AgentLink, message: Exclude<AgentMessage, { type: "hello" }>): void {
    if (this.#session?.link === link) this.#session.receive(message);
  }
}
