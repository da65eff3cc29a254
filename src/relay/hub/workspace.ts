import type { Answer, ArrivedTexts, PartialUpdate, Question, SecretsMode } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import { Account, type Ledger, type WorkspaceLimits } from "../budgets/account.js";
import { BudgetExceededError, type BudgetName, TunnelLimitError } from "../budgets/exceeded.js";
import { RepeatedLog } from "../repeated-log.js";
import type { ChatRoots, TreeStates } from "../store/index.js";
import { type AgentLink, AgentSession, type AgentState, type SessionMessage } from "./agent-session.js";
import { Barriers } from "./barriers.js";
import { Channel, type ComparedHow } from "./channel.js";
import type { ChannelHost } from "./channel-host.js";
import { Channels } from "./channels.js";
import { LastStates, type LastStatesOptions } from "./last-states.js";
import { type AskedChat, QuestionError } from "./questions.js";
import { FrameCache } from "./streams/frame-cache.js";
import type { TreeCount } from "./tree-count.js";
import { type HeldTree, TreeCache } from "./trees/tree-cache.js";
import type { TreeState } from "./trees/tree-state.js";
import { TurnShare } from "./turn-share.js";
import type { Viewer } from "./viewer.js";
import type { BlockedViewer } from "./watched-chat.js";

/** How long a chat goes on being watched when its last viewer has left (a page that reloads), in milliseconds. */
export const LINGER_MS = 10_000;

export interface WorkspaceOptions extends Pick<LastStatesOptions, "agentIsElsewhere" | "slice"> {
  chatRoots: ChatRoots;
  treeStates: TreeStates;
  log: Logger;
  lingerMs?: number;
  limits: WorkspaceLimits;
  /** What all workspaces hold together. */
  ledger: Ledger;
  /** Told whenever more is held than before, when that is entered in the ledger. */
  onGrown: () => void;
  /** Called when the first chat is watched; what it returns is called when the last one no longer is. */
  follow: (workspace: Workspace) => () => void;
  /** Told of every trouble that an agent reports. */
  onTrouble: () => void;
  /** Whether the relay stops: then nobody is told of an agent that has gone, who will hear the same in a moment. */
  isGoingAway?: () => boolean;
  /** Told when the agent has come or gone, and when a tree has changed. */
  onChange: (what: "agent" | "trees") => void;
}

/** Everything that belongs to one workspace: its agent, its trees, and the chats that look at them. */
export class Workspace implements ChannelHost {
  readonly id: string;
  readonly turn = new TurnShare();
  readonly frames = new FrameCache(this.turn);
  readonly blocked = new Set<BlockedViewer>();
  readonly #chatRoots: ChatRoots;
  /** For what agents cause. */
  readonly log: RepeatedLog;
  readonly #account: Account;
  readonly #onGrown: () => void;
  readonly #follow: WorkspaceOptions["follow"];
  #unfollow: (() => void) | undefined;
  readonly #onTrouble: () => void;
  readonly #onChange: WorkspaceOptions["onChange"];
  /** What the trees of each chat that is watched add up to, until any of them changes. */
  #counts = new Map<string, TreeCount[]>();
  readonly #isGoingAway: () => boolean;
  readonly #lingerMs: number;
  readonly #trees: TreeCache;
  readonly #lastStates: LastStates;
  readonly #barriers: Barriers;
  readonly #channels = new Channels();
  readonly #lingering = new Map<Channel, NodeJS.Timeout>();
  #session: AgentSession | undefined;
  /** What holds while there is no session. */
  #stateWithoutAgent: Exclude<AgentState, "connected"> = "disconnected";

  constructor(id: string, options: WorkspaceOptions) {
    this.id = id;
    this.#chatRoots = options.chatRoots;
    this.#account = new Account(options.limits, options.ledger);
    const isWatched = (key: string) => this.#channels.withTree(key).length > 0;
    this.#trees = new TreeCache(id, options.treeStates, isWatched, this.#account);
    const log = options.log.child({ workspace: id });
    this.log = new RepeatedLog(log);
    this.#barriers = new Barriers(log);
    this.#onGrown = options.onGrown;
    this.#follow = options.follow;
    this.#onTrouble = options.onTrouble;
    this.#onChange = options.onChange;
    this.#isGoingAway = options.isGoingAway ?? (() => false);
    this.#lingerMs = options.lingerMs ?? LINGER_MS;
    this.#lastStates = new LastStates(id, {
      ...options,
      log: this.log,
      channels: this.#channels,
      trees: this.#trees,
      agentIsConnected: () => this.agentIsConnected,
      onLoaded: () => {
        this.#treesChanged();
        this.#onGrown();
      },
    });
  }

  get agentState(): AgentState {
    return this.#session === undefined ? this.#stateWithoutAgent : "connected";
  }

  get agentIsConnected(): boolean {
    return this.#session !== undefined;
  }

  get agentCompares(): boolean {
    return this.#session?.compares === true;
  }

  get agentAwayMessage(): string {
    return `the workspace's agent is ${this.agentState}; what was shown stands until it is back`;
  }

  get channels(): Iterable<Channel> {
    return this.#channels;
  }

  /** What is held in memory, and how much of its budgets that is. */
  get held(): Pick<Account, "bytes" | "trees" | "files" | "used"> {
    return this.#account;
  }

  /** The trees that are held, those of which no whole state has come among them. */
  get roots(): Iterable<string> {
    return this.#trees.roots;
  }

  // ── viewers ──

  /**
   * The channel of a chat, made when it is new. A channel without viewers goes away after the linger time.
   *
   * @param chat its id, in lower case
   */
  channel(chat: string, paths: readonly string[], how: ComparedHow = {}): Channel {
    const { compare, base = "" } = how;
    let channel = this.#channels.get(chat, compare);
    if (channel === undefined) {
      channel = new Channel(this, chat, paths, this.#account, how);
      this.#takeRoots(channel, this.#channels.ofChat(chat)[0]);
      this.#channels.add(channel);
      this.#session?.watch(channel);
      this.#unfollow ??= this.#follow(this);
    }
    for (const each of this.#channels.ofChat(chat)) {
      if (each.paths.join("\0") === paths.join("\0") && each.base === base) continue;
      each.paths = paths;
      each.base = base;
      this.#session?.watch(each);
      if (this.#session !== undefined) each.start();
    }
    return channel;
  }

  /** The same chat has the same trees, whatever they are compared with. */
  #takeRoots(channel: Channel, other: Channel | undefined): void {
    if (other?.knowsRoots !== true) return;
    channel.agentBase = other.agentBase;
    channel.setRoots(other.roots);
  }

  join(channel: Channel, viewer: Viewer): void {
    clearTimeout(this.#lingering.get(channel));
    this.#lingering.delete(channel);
    channel.join(viewer);
    if (this.#session !== undefined) channel.start([viewer]);
  }

  leave(channel: Channel, viewer: Viewer): void {
    channel.leave(viewer);
    if (channel.viewers.size > 0 || this.#lingering.has(channel)) return;
    const timer = setTimeout(() => this.drop(channel), this.#lingerMs);
    timer.unref();
    this.#lingering.set(channel, timer);
  }

  /** Another relay watches a chat, until it is {@link release}d. */
  hold(chat: string, paths: readonly string[], how: ComparedHow): Channel {
    const channel = this.channel(chat, paths, how);
    channel.relays += 1;
    return channel;
  }

  release(channel: Channel): void {
    channel.relays -= 1;
    if (channel.relays === 0 && !this.#lingering.has(channel)) this.drop(channel);
  }

  /** Stops watching a channel that nobody watches, here or at another relay, without lingering. */
  drop(channel: Channel): void {
    if (channel.viewers.size > 0) return;
    clearTimeout(this.#lingering.get(channel));
    this.#lingering.delete(channel);
    if (channel.relays > 0 || !this.#channels.delete(channel)) return;
    this.#session?.unwatch(channel);
    if (this.#channels.size === 0) this.#stopFollowing();
    for (const root of channel.roots) {
      const key = channel.treeKey(root);
      if (this.#channels.withTree(key).length === 0) this.#trees.unfollow(key);
    }
    this.#treesChanged();
  }

  #stopFollowing(): void {
    const unfollow = this.#unfollow;
    this.#unfollow = undefined;
    unfollow?.();
  }

  // ── what is kept ──

  /** Shows what the store has of a chat's trees, while the agent is away. @returns rejects with what the store throws */
  showLastStates(channel: Channel): Promise<void> {
    return this.#lastStates.show(channel);
  }

  /**
   * Writes the states that have changed. @param everything those that go on changing as well
   * @param isOver asked before each: there is no more time
   */
  save(everything: boolean, isOver: () => boolean): Promise<void> {
    this.#trees.forgetUnfinished();
    return this.#trees.save(everything, isOver);
  }

  /**
   * Evicts states that nobody watches. @param bytes how much is too much
   * @param options `unwritten`: those that the store lacks as well @returns how much went
   */
  evict(bytes: number, options: { unwritten: boolean }): number {
    return this.#trees.evict(bytes, options);
  }

  /** All workspaces together hold too much, and this one the most: its agent is closed, and its trees go. */
  shed(budget: BudgetName): void {
    this.#session?.link.refuse(new BudgetExceededError(budget));
    this.#session?.end();
    const states = this.#trees.clear();
    for (const channel of this.#channels) channel.forget(states);
    this.#treesChanged();
  }

  /** The workspace is no longer used: nothing of it counts as held. */
  discard(): void {
    this.#trees.clear();
  }

  /** Nobody is here and nothing is held that the store lacks. */
  get isIdle(): boolean {
    const isUnused = this.agentState !== "connected" && this.agentState !== "connecting" && this.#channels.size === 0;
    return isUnused && this.#trees.areSaved && this.#trees.unfinished().length === 0;
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

  tombstones(chat: string): readonly string[] {
    return this.#chatRoots.tombstones(chat);
  }

  refresh(chat: string, compare?: string): Promise<number> {
    return this.#session?.refresh(chat, compare) ?? Promise.reject(new Error("no agent"));
  }

  /** What the trees of a chat that is watched add up to, as far as they are here: nothing is read for this. */
  counts(chat: string): readonly TreeCount[] {
    const channel = this.#channels.get(chat);
    if (channel === undefined) return [];
    const known = this.#counts.get(chat);
    if (known !== undefined) return known;
    const counts: TreeCount[] = [];
    for (const root of channel.roots) {
      const count = this.state(root)?.count;
      if (count === undefined) continue;
      const { files: changedFiles, additions, deletions } = count;
      counts.push({ root, changedFiles, additions, deletions, scannedAt: this.scannedAt(root) });
    }
    this.#counts.set(chat, counts);
    return counts;
  }

  #treesChanged(): void {
    if (this.#counts.size > 0) this.#counts = new Map();
    this.#onChange("trees");
  }

  /** Asks about a chat's trees, whether or not it is watched. @throws QuestionError */
  ask(chat: AskedChat, question: Question): Promise<Answer> {
    return this.#session?.ask(chat, question) ?? Promise.reject(new QuestionError("no-agent"));
  }

  // ── the agent ──

  /** An agent's socket is open; it has not said hello yet. */
  agentConnecting(): void {
    this.#stateWithoutAgent = "connecting";
  }

  /**
   * The agent has said hello. It takes the place of the one before.
   *
   * @param secrets what it does with secrets: states in which they are treated in another way are dropped
   * @param compares whether it knows of comparisons with something else than HEAD
   * @returns the states that it may go on from, and the updates
   */
  attach(link: AgentLink, secrets?: SecretsMode, compares = false): { held: HeldTree[]; partial: PartialUpdate[] } {
    this.#trees.isReplica = false;
    this.#begin(link, secrets, compares);
    const partial = this.#trees.unfinished().filter(({ compare }) => compares || compare === undefined);
    return { held: this.#trees.knownHeads(compares), partial };
  }

  /** The agent is at another relay, which keeps what it says in the store. @param link leads there; the rest is as the agent has it */
  attachReplica(link: AgentLink, secrets: SecretsMode | undefined, compares: boolean): void {
    this.handOver();
    this.#begin(link, secrets, compares);
  }

  /** Another relay has the agent now: what is here is not for the store any more, which is to have what is newer. */
  handOver(): void {
    this.#trees.isReplica = true;
  }

  #begin(link: AgentLink, secrets: SecretsMode | undefined, compares: boolean): void {
    this.#session?.end();
    const dropped = this.#trees.setSecrets(secrets);
    for (const channel of this.#channels) channel.forget(dropped);
    this.#session = new AgentSession(link, {
      compares,
      workspace: this.id,
      trees: this.#trees,
      channels: this.#channels,
      barriers: this.#barriers,
      chatRoots: this.#trees.isReplica ? undefined : this.#chatRoots,
      blocked: this.blocked,
      log: this.log,
      onTrouble: this.#onTrouble,
    });
    this.#treesChanged();
    this.#onChange("agent");
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
    this.#onChange("agent");
    if (link === undefined || this.#isGoingAway()) return;
    for (const channel of this.#channels) {
      channel.agentIsAway();
      this.#lastStates.agentIsLost(channel);
    }
  }

  /**
   * A message of the connected agent, after its hello. Messages of a link that was replaced are dropped.
   *
   * @param texts the JSON in which texts of the message came
   * @throws TunnelLimitError when an agent may not send so much
   */
  receive(link: AgentLink, message: SessionMessage, texts?: ArrivedTexts): void {
    if (this.#session?.link !== link) return;
    try {
      this.#session.receive(message, texts);
    } catch (thrown) {
      if (thrown instanceof TunnelLimitError) this.#trees.agentIsRefused();
      throw thrown;
    }
    this.#treesChanged();
    this.#onGrown();
  }
}
