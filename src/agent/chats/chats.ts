import type { AgentStatus } from "../../protocol/index.js";
import { coalesce, type Logger } from "../../util/index.js";
import type { Link } from "../trees/link.js";
import type { Trees } from "../trees/trees.js";
import { type Trouble, troubleMessage } from "../trees/trouble.js";
import { type Discovery, type Located, locateAll, type RepositoryFinder } from "./locate.js";
import type { TrackStore } from "./track-store.js";

export interface ChatsOptions {
  trees: Trees;
  discovery: Discovery;
  finder: Pick<RepositoryFinder, "resolveRoot" | "kind">;
  /** Paths that chats have touched: they count like those that the relay has bound them to. */
  tracked: Pick<TrackStore, "paths" | "count" | "chats">;
  logger: Logger;
  /** How long the trees of a chat stay open when its last viewer has gone. Milliseconds; default 30 s. */
  lingerMs?: number;
  /** The same when the connection is lost, which says nothing about viewers. Default 3 min. */
  lostLingerMs?: number;
  /** How often paths without a repository are looked at again. Default 1 s. */
  pendingMs?: number;
  /** How often, at most, the roots are searched for repositories. Default 10 s. */
  discoverMs?: number;
}

interface Chat {
  readonly id: string;
  /** What the relay has bound it to, absolute. Without these and tracked paths: every repository under the roots. */
  paths: readonly string[];
  /** Has viewers, as far as the relay says over this connection. */
  watched: boolean;
  /** Where the paths lead at present, ascending. */
  roots: readonly string[];
  /** Trees that vanished while they were shown: they are shown again as soon as they return. */
  readonly lost: Set<string>;
  /** Some paths may lead to another tree at the next look. */
  pending: boolean;
  /** What the relay was told over this connection. */
  told: string | undefined;
  /** What keeps paths from being shown, by message. */
  troubles: Map<string, Trouble>;
  /** Finds the roots; see {@link coalesce}. */
  resolve: () => Promise<void>;
  /** When that last ended (monotonic), and what it took. Milliseconds. */
  resolvedAt: number;
  resolveMs: number;
  linger: NodeJS.Timeout | undefined;
}

/** Of a chat's vanished trees, so many are waited for. */
const MAX_LOST = 100;
/** Of a chat's paths that cannot be shown, so many are told. */
const MAX_TROUBLES = 20;

/** Looking where a chat's paths lead may take this share of the time at most. */
const RESOLVE_SHARE = 1 / 20;

/** Which chats watch which trees. */
export class Chats {
  readonly #options: Required<ChatsOptions>;
  readonly #chats = new Map<string, Chat>();
  #link: Link | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ChatsOptions) {
    this.#options = { lingerMs: 30_000, lostLingerMs: 180_000, pendingMs: 1_000, discoverMs: 10_000, ...options };
  }

  connect(link: Link): void {
    this.#link = link;
    for (const chat of this.#chats.values()) chat.told = undefined;
  }

  /** The relay will say again which chats are watched. */
  disconnect(): void {
    this.#link = undefined;
    for (const chat of this.#chats.values()) this.#leave(chat, this.#options.lostLingerMs);
    this.#apply();
  }

  /** The chat is watched from now on, or watches other paths than before. */
  async watch(id: string, paths: readonly string[]): Promise<void> {
    const chat = this.#chats.get(id) ?? this.#add(id);
    clearTimeout(chat.linger);
    chat.watched = true;
    if (chat.paths.join("\0") !== paths.join("\0")) chat.lost.clear();
    chat.paths = paths;
    this.#poll();
    await chat.resolve();
  }

  /** Nobody watches the chat any more. */
  unwatch(id: string): void {
    const chat = this.#chats.get(id);
    if (chat === undefined) return;
    this.#leave(chat, this.#options.lingerMs);
    this.#apply();
  }

  /**
   * Reads everything that belongs to a chat again.
   *
   * @returns the time of the oldest reading in it, milliseconds since 1970, when the relay has every state that this
   *   found
   */
  async refresh(id: string): Promise<number> {
    const chat = this.#chats.get(id);
    let scannedAt = Date.now();
    if (chat === undefined) return scannedAt;
    await chat.resolve();
    const times = await Promise.all(wantedBy(chat).map((root) => this.#options.trees.refresh(root)));
    for (const time of times) scannedAt = Math.min(scannedAt, time ?? scannedAt);
    return scannedAt;
  }

  /** A tree has vanished or returned: the chats that want it show it no longer, or again. */
  presenceChanged(root: string): void {
    const gone = this.#options.trees.isGone(root);
    for (const chat of this.#chats.values()) {
      if (!wantedBy(chat).includes(root)) continue;
      if (gone) this.#lose(chat, root);
      this.#tell(chat);
      if (gone) void chat.resolve(); // its paths may lead elsewhere now
    }
  }

  /** Other paths are tracked for these chats than before. Settles when the relay has been told. */
  async trackedChanged(ids: readonly string[]): Promise<void> {
    const chats = [...this.#chats.values()].filter(({ id }) => ids.includes(id.toLowerCase()));
    await Promise.all(chats.map((chat) => chat.resolve()));
  }

  /** Every chat that is watched, lingers, or has touched paths. */
  status(): AgentStatus["chats"] {
    const { tracked } = this.#options;
    const unknown = tracked.chats().filter((id) => ![...this.#chats.keys()].some((one) => one.toLowerCase() === id));
    return [...this.#chats.keys(), ...unknown].sort().map((id) => {
      const chat = this.#chats.get(id);
      return {
        chat: id,
        watched: chat?.watched ?? false,
        bound_paths: chat?.paths.length ?? 0,
        tracked_paths: tracked.count(id.toLowerCase()),
        roots: [...(chat?.roots ?? [])],
      };
    });
  }

  /** What keeps bound paths from being shown, in words. */
  troubles(): string[] {
    return [...this.#chats.values()].flatMap((chat) =>
      [...chat.troubles.keys()].map((text) => `chat ${chat.id}: ${text}`),
    );
  }

  close(): void {
    clearInterval(this.#timer);
    for (const chat of this.#chats.values()) clearTimeout(chat.linger);
    this.#chats.clear();
    this.#apply();
  }

  #add(id: string): Chat {
    const chat: Chat = {
      id,
      paths: [],
      watched: false,
      roots: [],
      lost: new Set(),
      pending: false,
      told: undefined,
      troubles: new Map(),
      resolve: coalesce(() => this.#resolve(chat)),
      resolvedAt: Number.NEGATIVE_INFINITY,
      resolveMs: 0,
      linger: undefined,
    };
    this.#chats.set(id, chat);
    return chat;
  }

  #leave(chat: Chat, lingerMs: number): void {
    chat.watched = false;
    chat.told = undefined;
    clearTimeout(chat.linger);
    chat.linger = setTimeout(() => {
      this.#chats.delete(chat.id);
      this.#apply();
    }, lingerMs);
    chat.linger.unref();
  }

  async #resolve(chat: Chat): Promise<void> {
    const { discovery, finder, tracked } = this.#options;
    const started = performance.now();
    const touched = tracked.paths(chat.id.toLowerCase());
    if (chat.paths.length + touched.length === 0) {
      chat.roots = await discovery.find();
      chat.pending = false;
    } else {
      const bound = await locateAll(chat.paths, finder);
      // what a chat has touched may be anything; that it is in no repository is no trouble
      const located = [...bound, ...(await locateAll(touched, finder))];
      chat.roots = [...new Set(located.flatMap(({ root }) => root ?? []))].sort();
      chat.pending = located.some(({ provisional }) => provisional);
      this.#takeTroubles(chat, bound);
    }
    chat.resolvedAt = performance.now();
    chat.resolveMs = chat.resolvedAt - started;
    if (this.#chats.get(chat.id) !== chat) return;
    this.#apply();
    this.#tell(chat);
  }

  #lose(chat: Chat, root: string): void {
    chat.lost.add(root);
    const [oldest] = chat.lost;
    if (chat.lost.size > MAX_LOST && oldest !== undefined) chat.lost.delete(oldest);
  }

  /** Tells the relay which trees the chat has, and what is in the way of others, unless it knows. */
  #tell(chat: Chat): void {
    const roots = wantedBy(chat).filter((root) => !this.#options.trees.isGone(root));
    const told = JSON.stringify([roots, [...chat.troubles.keys()]]);
    if (!chat.watched || this.#link === undefined || chat.told === told) return;
    chat.told = told;
    this.#link.send({ type: "chat", chat: chat.id, roots });
    for (const trouble of chat.troubles.values()) this.#link.send(troubleMessage(trouble, { chat: chat.id }));
  }

  #takeTroubles(chat: Chat, located: readonly Located[]): void {
    const isLost = (path: string) => [...chat.lost].some((root) => `${path}/`.startsWith(`${root}/`));
    const before = chat.troubles;
    chat.troubles = new Map();
    for (const { path, trouble } of located) {
      if (chat.troubles.size >= MAX_TROUBLES) break;
      // of a tree that has vanished the viewers know
      if (trouble === undefined || isLost(path)) continue;
      chat.troubles.set(trouble.message, trouble);
      if (before.has(trouble.message)) continue;
      this.#options.logger.warn({ chat: chat.id, code: trouble.code }, trouble.message);
    }
  }

  /** Opens what some chat wants, and closes the rest. */
  #apply(): void {
    const wanted = new Map<string, boolean>();
    for (const chat of this.#chats.values()) {
      for (const root of wantedBy(chat)) wanted.set(root, chat.watched || wanted.get(root) === true);
    }
    this.#options.trees.want(wanted);
  }

  /** Repositories come into being: looks again from time to time, while anybody watches. */
  #poll(): void {
    this.#timer ??= setInterval(() => {
      const due = this.#options.discovery.isDue(this.#options.discoverMs);
      const watched = [...this.#chats.values()].filter((chat) => chat.watched);
      if (watched.length === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
      for (const chat of watched) {
        const rested = performance.now() - chat.resolvedAt >= chat.resolveMs / RESOLVE_SHARE;
        if (due || (chat.pending && rested)) void chat.resolve();
      }
    }, this.#options.pendingMs);
    this.#timer.unref();
  }
}

/** The roots of a chat's trees, ascending, vanished ones too. */
function wantedBy(chat: Chat): string[] {
  return [...new Set([...chat.roots, ...chat.lost])].sort();
}
