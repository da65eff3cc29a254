import { coalesce } from "../../util/index.js";
import { type Client, seesChat } from "../access/index.js";
import type { TreeCount } from "../hub/index.js";
import type { Chat, Chats } from "../store/index.js";
import { chatJson } from "./chat-json.js";

/** What has become of a chat, in Coder's words; an archived chat counts as deleted, and one that is brought back as created. */
export type ChatEventKind = "status_change" | "title_change" | "diff_status_change" | "created" | "deleted";

/** So many chats are followed for one owner, and for those who see every chat: the newest. */
const MAX_CHATS = 10_000;
/** So many chats are asked for at a time. */
const QUESTIONS_AT_ONCE = 16;

/** Whoever is told of events. */
export interface ChatListener {
  /**
   * Something has become of a chat. What its {@link ChatFeed} says of it when it is asked is what counts. Never throws.
   *
   * @param gone a chat that is not seen any more, as it was, or as it is archived
   */
  changed(id: string, kind: ChatEventKind, gone?: Chat): void;
}

export interface ChatEventsOptions {
  chats: Pick<Chats, "get" | "page">;
  hasAgent: (workspace: string) => boolean;
  treeCounts: (workspace: string, chat: string) => readonly TreeCount[];
}

/** A chat as those who listen were last told of it. */
interface Snapshot {
  chat: Chat;
  hasAgent: boolean;
  isRunning: boolean;
  trees: readonly TreeCount[];
  /** What the trees add up to. */
  diff: string;
}

/** The chats that some listeners see, and who they are. */
interface Scope {
  name: string;
  /** Who sees them. */
  client: Pick<Client, "user" | "admin" | "chat">;
  listeners: Set<ChatListener>;
  /** How many feeds are open, whether or not somebody listens to them yet. */
  feeds: number;
  /** Resolves when the chats are known. */
  ready: Promise<void>;
  /** Those that are not archived. */
  known: Map<string, Snapshot>;
  /** Messages that were made in this turn, for all listeners. */
  messages: Map<string, string>;
}

/**
 * Follows the chats of those who listen, and tells what differs from what they were told. Nothing is followed that nobody
 * listens to. What it is told of is only where to look.
 */
export class ChatEvents {
  readonly #options: ChatEventsOptions;
  /** By what their listeners see. */
  readonly #scopes = new Map<string, Scope>();
  #dueChats: Set<string> | "all" = new Set();
  readonly #dueWorkspaces = new Set<string>();
  readonly #dueDiffs = new Set<string>();
  /**
   * Settles when the last reading of the store is through. They come one after the other: what an earlier one says would
   * otherwise be put over what a later one has said.
   */
  #turn: Promise<void> = Promise.resolve();
  /** Tells what has become of chats and of agents; rejects with what the store throws: then it is looked at again the next time. */
  readonly flush: () => Promise<void>;

  constructor(options: ChatEventsOptions) {
    this.#options = options;
    this.flush = coalesce(() => this.#inTurn(() => this.#flush()));
  }

  /**
   * Follows what a client sees, from now on, until the feed is closed. Nothing that becomes of a chat after this has resolved is
   * missed by whoever listens at once.
   *
   * @throws what the store throws
   */
  async open(client: Pick<Client, "user" | "admin" | "workspace" | "chat">): Promise<ChatFeed> {
    const scope = this.#scope(client);
    scope.feeds += 1;
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      scope.feeds -= 1;
      if (scope.feeds === 0) this.#scopes.delete(scope.name);
    };
    try {
      await scope.ready;
    } catch (thrown) {
      close();
      throw thrown;
    }
    return new ChatFeed(scope, client.workspace, close);
  }

  #scope({ user, admin, chat: only }: Pick<Client, "user" | "admin" | "chat">): Scope {
    const name = `${only ?? "all"} ${admin ? "" : `owner ${user}`}`;
    const known = this.#scopes.get(name);
    if (known !== undefined) return known;
    const scope: Scope = {
      name,
      client: { user, admin, chat: only },
      listeners: new Set(),
      feeds: 0,
      ready: Promise.resolve(),
      known: new Map(),
      messages: new Map(),
    };
    this.#scopes.set(name, scope); // before its chats are asked for: what changes meanwhile is looked at after that
    scope.ready = this.#inTurn(async () => {
      const chats = await this.#list(scope);
      scope.known = new Map(chats.map((chat) => [chat.id, this.#snapshot(chat)]));
    });
    return scope;
  }

  #inTurn(job: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(job);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** The chats that are shown to anybody, by workspace. */
  get listed(): ReadonlyMap<string, ReadonlySet<string>> {
    const listed = new Map<string, Set<string>>();
    for (const { known } of this.#scopes.values()) {
      for (const [id, { chat }] of known) {
        if (chat.workspace === undefined) continue;
        const chats = listed.get(chat.workspace) ?? new Set();
        listed.set(chat.workspace, chats.add(id));
      }
    }
    return listed;
  }

  /** The store has other words of these chats. */
  chatsChanged(ids: ReadonlySet<string> | "all"): void {
    if (this.#scopes.size === 0) return;
    if (ids === "all" || this.#dueChats === "all") this.#dueChats = "all";
    else for (const id of ids) this.#dueChats.add(id);
  }

  /** The agent of a workspace has come or gone. */
  agentChanged(workspace: string): void {
    if (this.#scopes.size > 0) this.#dueWorkspaces.add(workspace);
  }

  /** A tree of a workspace has changed. */
  treesChanged(workspace: string): void {
    if (this.#scopes.size > 0) this.#dueDiffs.add(workspace);
  }

  async #flush(): Promise<void> {
    const due = this.#dueChats;
    this.#dueChats = new Set();
    try {
      if (due === "all") for (const scope of this.#scopes.values()) await this.#lookAtAll(scope);
      else await this.#lookAtChats([...due]);
    } catch (thrown) {
      this.#dueChats = "all";
      throw thrown;
    }
    this.#lookAtWorkspaces(this.#dueWorkspaces);
  }

  /** Tells what the trees add up to: less often than the rest, since every edit changes it. */
  flushDiffs(): void {
    this.#lookAtWorkspaces(this.#dueDiffs);
  }

  #list({ client: { user, admin, chat } }: Scope): Promise<Chat[]> {
    const owner = admin ? undefined : user;
    return this.#options.chats.page({ owner, chat, archived: false, limit: MAX_CHATS, offset: 0 });
  }

  async #lookAtAll(scope: Scope): Promise<void> {
    const chats = new Map((await this.#list(scope)).map((chat) => [chat.id, chat]));
    for (const id of scope.known.keys()) if (!chats.has(id)) this.#update(scope, id, undefined);
    for (const [id, chat] of chats) this.#update(scope, id, chat);
  }

  async #lookAtChats(ids: string[]): Promise<void> {
    while (ids.length > 0 && this.#scopes.size > 0) {
      const batch = ids.splice(0, QUESTIONS_AT_ONCE);
      const chats = await Promise.all(batch.map((id) => this.#options.chats.get(id)));
      for (const [at, id] of batch.entries()) this.#lookAt(id, chats[at]);
    }
  }

  #lookAt(id: string, chat: Chat | undefined): void {
    for (const scope of this.#scopes.values()) {
      const isSeen = chat !== undefined && !chat.archived && seesChat(scope.client, chat);
      this.#update(scope, id, isSeen ? chat : undefined, chat);
    }
  }

  #lookAtWorkspaces(due: Set<string>): void {
    if (due.size === 0) return;
    for (const scope of this.#scopes.values()) {
      for (const [id, { chat }] of scope.known) {
        if (chat.workspace !== undefined && due.has(chat.workspace)) this.#update(scope, id, chat);
      }
    }
    due.clear();
  }

  /** @param chat `undefined`: it is not seen any more @param archived what it is now, if it is the same owner's */
  #update(scope: Scope, id: string, chat: Chat | undefined, archived?: Chat): void {
    const before = scope.known.get(id);
    if (chat === undefined) {
      if (before === undefined) return;
      scope.known.delete(id);
      const isStillTheirs = archived?.archived === true && archived.owner === before.chat.owner;
      this.#tell(scope, id, "deleted", isStillTheirs ? archived : before.chat);
      return;
    }
    if (before === undefined && scope.known.size >= MAX_CHATS) return;
    const now = this.#snapshot(chat);
    scope.known.set(id, now);
    if (before === undefined) {
      this.#tell(scope, id, "created");
      return;
    }
    if (now.isRunning !== before.isRunning) this.#tell(scope, id, "status_change");
    if (chat.title !== before.chat.title) this.#tell(scope, id, "title_change");
    if (now.diff !== before.diff) this.#tell(scope, id, "diff_status_change");
  }

  #tell(scope: Scope, id: string, kind: ChatEventKind, gone?: Chat): void {
    for (const listener of scope.listeners) listener.changed(id, kind, gone);
  }

  #snapshot(chat: Chat): Snapshot {
    const { workspace } = chat;
    const hasAgent = workspace !== undefined && this.#options.hasAgent(workspace);
    const trees = workspace === undefined ? [] : this.#options.treeCounts(workspace, chat.id);
    const sums = [0, 0, 0];
    for (const { additions, deletions, changedFiles } of trees) {
      for (const [at, count] of [additions, deletions, changedFiles].entries()) sums[at] = (sums[at] ?? 0) + count;
    }
    const diff = trees.length === 0 ? "" : sums.join(" ");
    return { chat, hasAgent, isRunning: hasAgent && !chat.archived, trees, diff };
  }
}

/** What one listener may read of the chats that it is told of. */
export class ChatFeed {
  readonly #scope: Scope;
  readonly #workspace: string | undefined;
  readonly #close: () => void;
  #listener: ChatListener | undefined;

  /** @param workspace set: nothing is said of trees of others */
  constructor(scope: Scope, workspace: string | undefined, close: () => void) {
    this.#scope = scope;
    this.#workspace = workspace;
    this.#close = close;
  }

  /** Has somebody told of what becomes of the chats, until this is closed. To be called once. */
  listen(listener: ChatListener): void {
    this.#listener = listener;
    this.#scope.listeners.add(listener);
  }

  /** Listens no more. */
  close(): void {
    if (this.#listener !== undefined) this.#scope.listeners.delete(this.#listener);
    this.#close();
  }

  /**
   * An event in Coder's form, with the chat as it is now: the event itself, and beside its fields the same in the envelope that
   * earlier clients look for.
   *
   * @param gone as the listener was told
   * @returns JSON; `undefined` when there is nothing to say of it any more
   */
  message(id: string, kind: ChatEventKind, gone?: Chat): string | undefined {
    const known = this.#scope.known.get(id);
    const chat = kind === "deleted" ? gone : known?.chat;
    if (chat === undefined) return undefined;
    const seesTrees = this.#workspace === undefined || this.#workspace === chat.workspace;
    if (kind === "diff_status_change" && !seesTrees) return undefined;
    const { messages } = this.#scope;
    const name = `${id} ${kind} ${seesTrees}`;
    let message = messages.get(name);
    if (message === undefined) {
      const activity = { hasAgent: known?.hasAgent ?? false, trees: seesTrees ? (known?.trees ?? []) : [] };
      const event = JSON.stringify({ kind, chat: chatJson(chat, activity) });
      message = `${event.slice(0, -1)},"type":"data","data":${event}}`;
      if (messages.size === 0) setImmediate(() => messages.clear());
      messages.set(name, message);
    }
    return message;
  }
}
