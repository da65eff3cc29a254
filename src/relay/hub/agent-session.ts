import {
  type AgentMessage,
  type Answer,
  type ArrivedTexts,
  type Question,
  type RelayMessage,
  type TreeMessage,
  treeKey,
  treeOfKey,
} from "../../protocol/index.js";
import { withoutCredentials } from "../../util/index.js";
import type { TunnelLimitError } from "../budgets/exceeded.js";
import type { RepeatedLog } from "../repeated-log.js";
import type { ChatRoots } from "../store/index.js";
import type { Barriers } from "./barriers.js";
import type { Channel } from "./channel.js";
import type { Channels } from "./channels.js";
import { type AskedChat, QuestionError, Questions } from "./questions.js";
import type { TreeCache } from "./trees/tree-cache.js";
import type { TreeState } from "./trees/tree-state.js";
import type { BlockedViewer } from "./watched-chat.js";

/** The states of Coder's agents; those other than `connected` stand in the answer before an upgrade. */
export type AgentState = "connecting" | "connected" | "disconnected" | "timeout";

/** What an agent says after its hello, as far as it is about its trees. */
export type SessionMessage = Exclude<AgentMessage, { type: "hello" | "named" }>;

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
  /** Where a chat's repositories are kept; `undefined`: another relay does that. */
  chatRoots: Pick<ChatRoots, "record" | "bury"> | undefined;
  /** Told of every state that is replaced. */
  blocked: ReadonlySet<BlockedViewer>;
  /** The agent knows of comparisons with something else than HEAD. */
  compares: boolean;
  log: RepeatedLog;
  /** Told of every trouble that the agent reports. */
  onTrouble: () => void;
}

/** One agent's connection, from its hello until it is lost: what it is asked, and what its messages change. */
export class AgentSession {
  readonly link: AgentLink;
  /** The agent knows of comparisons with something else than HEAD. */
  readonly compares: boolean;
  readonly #workspace: string;
  readonly #trees: TreeCache;
  readonly #channels: Channels;
  readonly #barriers: Barriers;
  readonly #questions = new Questions();
  readonly #chatRoots: AgentSessionOptions["chatRoots"];
  readonly #blocked: ReadonlySet<BlockedViewer>;
  readonly #log: RepeatedLog;
  readonly #onTrouble: () => void;

  constructor(link: AgentLink, options: AgentSessionOptions) {
    this.link = link;
    this.compares = options.compares;
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
    this.#questions.rejectAll();
  }

  /** Asks for a chat's trees, or says that it is bound to other paths. */
  watch({ chat, paths, compare, base }: Channel): void {
    const hint = base !== "" && { base };
    this.link.send({ type: "watch", chat, paths: [...paths], ...this.#compared(compare), ...hint });
  }

  /** Nobody watches a chat with its comparison any more. */
  unwatch({ chat, compare }: Channel): void {
    if (!this.compares && this.#channels.ofChat(chat).length > 0) return; // all are the same to the agent
    this.link.send({ type: "unwatch", chat, ...this.#compared(compare) });
  }

  /** @returns when the agent read the chat's trees, in milliseconds since 1970; rejects when it is lost, or does not answer */
  refresh(chat: string, compare: string | undefined): Promise<number> {
    return this.#barriers.add(chat, (id) => {
      this.link.send({ type: "refresh", id, chat, ...this.#compared(compare) });
    });
  }

  /** Asks about a chat's trees. @throws QuestionError */
  ask({ chat, paths, base = "" }: AskedChat, question: Question): Promise<Answer> {
    if (!this.compares) return Promise.reject(new QuestionError("old-agent"));
    const about = { chat, paths: [...paths], ...(base !== "" && { base }) };
    return this.#questions.add((id) => this.link.send({ type: "ask", id, ...about, question }));
  }

  #compared(compare: string | undefined): { compare?: string } {
    return compare === undefined || !this.compares ? {} : { compare };
  }

  /** @param texts the JSON in which texts of the message came @throws TunnelLimitError when an agent may not send so much */
  receive(message: SessionMessage, texts?: ArrivedTexts): void {
    switch (message.type) {
      case "chat":
        this.#receiveChat(message);
        break;
      case "tree":
        this.#receiveTree(message, texts);
        break;
      case "scanned":
        this.#confirm(treeKey(message.root, message.compare), Date.parse(message.scanned_at));
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
      case "answer":
        this.#questions.receive(message);
        break;
      default:
        message satisfies never;
    }
  }

  #receiveChat({ chat, roots, base = "" }: Extract<AgentMessage, { type: "chat" }>): void {
    const channels = this.#channels.ofChat(chat);
    const [first] = channels;
    if (first === undefined) return; // it was unwatched meanwhile
    for (const channel of channels) {
      channel.agentBase = base;
      channel.renewTroubles();
      this.#channels.setRoots(channel, roots);
    }
    this.#chatRoots?.record(this.#workspace, chat, [...first.roots]);
    for (const channel of channels) channel.flush();
  }

  #receiveTree(part: TreeMessage, texts: ArrivedTexts | undefined): void {
    const outcome = this.#trees.apply(part);
    const { root, compare, epoch, seq } = part;
    const name = { root, ...(compare !== undefined && { compare }) };
    if (outcome.kind === "gap" && outcome.isNew) this.link.send({ type: "resync", ...name });
    if (outcome.kind !== "changed") return;
    const { before, state } = outcome;
    state.view.entry.withSources({ texts, before: before?.view.entry }, () =>
      this.#confirm(treeKey(root, compare), Date.parse(state.meta.scanned_at)),
    );
    if (before !== undefined) this.#replace(before, state);
    this.link.send({ type: "ack", ...name, epoch, seq });
  }

  /**
   * A state is sent to nobody any more: clients that do not read, or have not had their turn, remember what they were sent of
   * it, and hold little of it.
   */
  #replace(before: TreeState, next?: TreeState): void {
    const waiting = this.#channels
      .withTree(treeKey(before.root, before.compare))
      .flatMap((channel) => [...channel.waiting]);
    let isRemembered = false; // for which the whole diff is read: no more than once for each that is sent
    for (const viewers of [this.#blocked, waiting]) {
      for (const viewer of viewers) isRemembered = viewer.stateReplaced(before) || isRemembered;
    }
    if (before.view === next?.view) return;
    if (isRemembered) before.view.seal();
    // the view of a state that looked the same as the one before it has that one's files
    const isLed = next?.changes?.base === before.seq && before.files === before.view.files;
    before.view.release(next?.view, isLed ? next.changes.files : undefined);
  }

  /** The tree was read, and what is here is true. @param key what `treeKey` names it by */
  #confirm(key: string, scannedAt: number): void {
    if (!this.#trees.confirm(key, scannedAt)) return;
    for (const channel of this.#channels.withTree(key)) {
      channel.clearTrouble(treeOfKey(key).root);
      channel.flush();
    }
  }

  #receiveGone(root: string): void {
    for (const last of this.#trees.removeAll(root)) this.#replace(last);
    for (const channel of this.#channels.withRoot(root)) {
      this.#channels.removeRoot(channel, root);
      this.#chatRoots?.bury(this.#workspace, channel.chat, root);
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
