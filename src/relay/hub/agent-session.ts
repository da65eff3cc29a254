import type { AgentMessage, RelayMessage, TreeMessage } from "../../protocol/index.js";
import { withoutCredentials } from "../../util/index.js";
import type { TunnelLimitError } from "../budgets/exceeded.js";
import type { RepeatedLog } from "../repeated-log.js";
import type { ChatRoots } from "../store/index.js";
import type { Barriers } from "./barriers.js";
import type { Channel } from "./channel.js";
import type { Channels } from "./channels.js";
import type { TreeCache } from "./trees/tree-cache.js";
import type { TreeState } from "./trees/tree-state.js";
import type { BlockedViewer } from "./watched-chat.js";

/** The states of Coder's agents; those other than `connected` stand in the answer before an upgrade. */
export type AgentState = "connecting" | "connected" | "disconnected" | "timeout";

/** The relay's end of one agent's tunnel. */
export interface AgentLink {
  /** Sends one message; messages arrive in order, at most once. */
  send(message: RelayMessage): void;
  /** The agent may not go on: its workspace holds more than it may. Nothing that it sends counts from here on. */
  refuse(error: TunnelLimitError): void;
}

/** What of a workspace an agent's messages change, and what outlives the agent's connection. */
export interface AgentSessionOptions {
  /** The workspace's id. */
  workspace: string;
  trees: TreeCache;
  channels: Channels;
  barriers: Barriers;
  chatRoots: ChatRoots;
  /** Told of every state that is replaced. */
  blocked: ReadonlySet<BlockedViewer>;
  log: RepeatedLog;
  /** Told of every trouble that the agent reports. */
  onTrouble: () => void;
}

/** One agent's connection, from its hello until it is lost: what it is asked, and what its messages change. */
export class AgentSession {
  readonly link: AgentLink;
  readonly #workspace: string;
  readonly #trees: TreeCache;
  readonly #channels: Channels;
  readonly #barriers: Barriers;
  readonly #chatRoots: ChatRoots;
  readonly #blocked: ReadonlySet<BlockedViewer>;
  readonly #log: RepeatedLog;
  readonly #onTrouble: () => void;

  constructor(link: AgentLink, options: AgentSessionOptions) {
    this.link = link;
    this.#workspace = options.workspace;
    this.#trees = options.trees;
    this.#channels = options.channels;
    this.#barriers = options.barriers;
    this.#chatRoots = options.chatRoots;
    this.#blocked = options.blocked;
    this.#log = options.log;
    this.#onTrouble = options.onTrouble;
  }

  /** The connection is lost: what is not finished waits for the next one, and whoever waits for the agent hears of it. */
  end(): void {
    this.#trees.agentIsGone();
    this.#barriers.rejectAll();
  }

  /** Asks for a chat's trees, or says that it is bound to other paths. */
  watch({ chat, paths }: Channel): void {
    this.link.send({ type: "watch", chat, paths: [...paths] });
  }

  /** Nobody watches a chat any more. */
  unwatch({ chat }: Channel): void {
    this.link.send({ type: "unwatch", chat });
  }

  /** @returns when the agent read the chat's trees, in milliseconds since 1970; rejects when it is lost, or does not answer */
  refresh(chat: string): Promise<number> {
    return this.#barriers.add(chat, (id) => this.link.send({ type: "refresh", id, chat }));
  }

  /** @throws TunnelLimitError when an agent may not send so much */
  receive(message: Exclude<AgentMessage, { type: "hello" }>): void {
    switch (message.type) {
      case "chat":
        this.#receiveChat(message.chat, message.roots);
        break;
      case "tree":
        this.#receiveTree(message);
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
    const channel = this.#channels.get(chat);
    if (channel === undefined) return; // it was unwatched meanwhile
    channel.renewTroubles();
    this.#channels.setRoots(channel, roots);
    this.#chatRoots.record(this.#workspace, channel.chat, [...channel.roots]);
    channel.flush();
  }

  #receiveTree(part: TreeMessage): void {
    const outcome = this.#trees.apply(part);
    if (outcome.kind === "gap" && outcome.isNew) this.link.send({ type: "resync", root: part.root });
    if (outcome.kind !== "changed") return;
    const { before, state } = outcome;
    this.#confirm(part.root, Date.parse(state.meta.scanned_at));
    if (before !== undefined) this.#replace(before, state);
    this.link.send({ type: "ack", root: part.root, epoch: part.epoch, seq: part.seq });
  }

  /**
   * A state is sent to nobody any more: clients that do not read, or have not had their turn, remember what they were sent of
   * it, and hold little of it.
   */
  #replace(before: TreeState, next?: TreeState): void {
    const waiting = this.#channels.withRoot(before.root).flatMap((channel) => [...channel.waiting]);
    for (const viewer of this.#blocked) viewer.stateReplaced(before);
    for (const viewer of waiting) viewer.stateReplaced(before);
    if (before.view === next?.view) return;
    if (this.#blocked.size + waiting.length > 0) before.view.seal();
    before.view.entry.release();
  }

  /** The tree was read, and what is here is true. */
  #confirm(root: string, scannedAt: number): void {
    if (!this.#trees.confirm(root, scannedAt)) return;
    for (const channel of this.#channels.withRoot(root)) {
      channel.clearTrouble(root);
      channel.flush();
    }
  }

  #receiveGone(root: string): void {
    const last = this.#trees.remove(root);
    if (last !== undefined) this.#replace(last);
    for (const channel of this.#channels.withRoot(root)) {
      this.#channels.removeRoot(channel, root);
      this.#chatRoots.bury(this.#workspace, channel.chat, root);
      channel.flush();
    }
  }

  #receiveTrouble({ root, chat, code, message }: Extract<AgentMessage, { type: "trouble" }>): void {
    this.#onTrouble();
    this.#log.warn(`${root} ${code}`, { root, chat, code }, "the agent reports trouble");
    for (const channel of this.#channels) {
      if (chat !== null && channel.chat !== chat) continue;
      if (chat === null && root !== null && !channel.roots.has(root)) continue;
      channel.addTrouble(root ?? "", withoutCredentials(message));
      channel.flush();
    }
  }
}
