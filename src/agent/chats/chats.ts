import { type AgentStatus, comparisonKey, HEAD_COMPARISON, treeKey } from "../../protocol/index.js";
import { type Clock, type Logger, silentLogger, systemClock } from "../../util/index.js";
import type { AskedChat } from "../questions/answers.js";
import type { Link } from "../trees/link.js";
import type { ComparedTree, Trees } from "../trees/trees.js";
import { Chat, type ChatContext, type WatchedHow } from "./chat.js";
import type { Discovery, Locator, RepositoryFinder } from "./locate.js";
import type { TrackStore } from "./track-store.js";

export interface ChatsOptions {
  trees: Pick<Trees, "want" | "isGone" | "refresh">;
  discovery: Pick<Discovery, "find" | "isDue" | "onOutdated" | "rest">;
  finder: Locator & Pick<RepositoryFinder, "kind">;
  /** Paths that chats have touched: they count like those that the relay has bound them to. */
  tracked: Pick<TrackStore, "paths" | "count" | "chats" | "base">;
  logger: Logger;
  clock?: Clock;
  /** How long the trees of a chat stay open when its last viewer has gone. Milliseconds; default 30 s. */
  lingerMs?: number;
  /** The same when the connection is lost, which says nothing about viewers. Default 3 min. */
  lostLingerMs?: number;
  /** How often paths without a repository are looked at again. Default 1 s. */
  pendingMs?: number;
  /** How often, at most, the roots are searched for repositories. Default 10 s. */
  discoverMs?: number;
}

/** So many refused paths are logged in the agent's life; those of now stand in `agent status`. */
const MAX_LOGGED_REFUSALS = 100;

const DEFAULTS = {
  clock: systemClock,
  lingerMs: 30_000,
  lostLingerMs: 180_000,
  pendingMs: 1_000,
  discoverMs: 10_000,
};

/** A repository is made in several steps, whose events are one search. Milliseconds. */
const OUTDATED_MS = 50;

/** Which chats watch which trees. Ids of chats are in lower case: so the schemas of what comes in make them. */
export class Chats {
  readonly #options: Required<ChatsOptions>;
  readonly #context: ChatContext;
  readonly #chats = new Map<string, Chat>();
  #link: Link | undefined;
  #refusalsLeft = MAX_LOGGED_REFUSALS;
  /** Takes the next look for repositories back; set while there will be one. */
  #cancelLook: (() => void) | undefined;

  /** Takes back the look that follows a change of the searched directories. */
  #cancelSoon: (() => void) | undefined;

  constructor(options: ChatsOptions) {
    const { discovery, finder, tracked, logger, clock, trees } = { ...DEFAULTS, ...options };
    this.#options = { ...DEFAULTS, ...options };
    this.#context = {
      ...{ discovery, finder, tracked, logger, clock },
      link: () => this.#link,
      mayLogRefusal: () => this.#refusalsLeft > 0 && this.#refusalsLeft-- > 0,
      isGone: (root) => trees.isGone(root),
      onWantedChanged: () => this.#openWanted(),
    };
    discovery.onOutdated = () => this.#lookSoon();
  }

  /** Uses a new connection; the relay says over it which chats are watched. */
  connect(link: Link): void {
    this.#link = link;
  }

  /** The connection is lost; that says nothing about viewers, who may be there when it is back. */
  disconnect(): void {
    this.#link = undefined;
    for (const chat of this.#chats.values()) this.#unwatch(chat, this.#options.lostLingerMs);
    this.#openWanted();
  }

  /** The chat is watched from now on, or watches other paths than before. Settles when the relay was told its trees. */
  async watch(id: string, paths: readonly string[], how: WatchedHow = {}): Promise<void> {
    const chat = this.#chats.get(id) ?? new Chat(id, this.#context);
    this.#chats.set(id, chat);
    const resolved = chat.watch(paths, how);
    this.#lookAgainLater();
    await resolved;
  }

  /** Nobody watches the chat any more with this comparison. @param compare a word; default: HEAD */
  unwatch(id: string, compare = HEAD_COMPARISON): void {
    const chat = this.#chats.get(id);
    if (chat === undefined) return;
    this.#unwatch(chat, this.#options.lingerMs, compare);
    this.#openWanted();
  }

  /**
   * Reads everything that belongs to a chat again.
   *
   * @param compare a word, with what its trees are compared. Default: HEAD
   * @returns the time of the oldest reading in it, milliseconds since 1970, when the relay has every state that this
   *   found
   */
  async refresh(id: string, compare = HEAD_COMPARISON): Promise<number> {
    const chat = this.#chats.get(id);
    let scannedAt = Date.now();
    if (chat === undefined) return scannedAt;
    await chat.resolve();
    const wanted = chat.comparison(compare);
    const key = wanted && comparisonKey(wanted);
    const times = await Promise.all(chat.wanted.map((root) => this.#options.trees.refresh(root, key)));
    for (const time of times) scannedAt = Math.min(scannedAt, time ?? scannedAt);
    return scannedAt;
  }

  /**
   * The trees of a chat, whether or not it is watched.
   *
   * @param paths as `watch` takes them
   */
  async locate(id: string, paths: readonly string[], how: Pick<WatchedHow, "base"> = {}): Promise<AskedChat> {
    const known = this.#chats.get(id);
    if (known !== undefined) await known.resolve();
    const chat = known ?? new Chat(id, { ...this.#context, logger: silentLogger(), mayLogRefusal: () => false });
    if (known === undefined) {
      chat.close(); // it reports nothing, and opens nothing
      await chat.watch(paths, how);
    }
    const roots = chat.wanted.filter((root) => !this.#options.trees.isGone(root));
    return { roots, comparison: (word) => chat.comparison(word) };
  }

  /** A tree has vanished or returned: the chats that want it show it no longer, or again. */
  presenceChanged(root: string): void {
    const gone = this.#options.trees.isGone(root);
    for (const chat of this.#chats.values()) {
      if (!chat.wanted.includes(root)) continue;
      if (gone) chat.lose(root);
      chat.report();
      if (gone) void chat.resolve(); // its paths may lead elsewhere now
    }
  }

  /** Other paths are tracked for these chats than before. Settles when the relay was told. */
  async trackedChanged(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#chats.get(id)?.resolve()));
  }

  /** Every chat that is watched, lingers, or has touched paths. */
  status(): AgentStatus["chats"] {
    const { tracked } = this.#options;
    const ids = new Set([...this.#chats.keys(), ...tracked.chats()]);
    return [...ids].sort().map((id) => (this.#chats.get(id) ?? new Chat(id, this.#context)).status());
  }

  /** What keeps bound paths from being shown, in words. */
  troubles(): string[] {
    return [...this.#chats.values()].flatMap((chat) => chat.troubles());
  }

  close(): void {
    this.#cancelLook?.();
    this.#cancelSoon?.();
    this.#options.discovery.rest();
    for (const chat of this.#chats.values()) chat.close();
    this.#chats.clear();
    this.#openWanted();
  }

  #unwatch(chat: Chat, lingerMs: number, compare?: string): void {
    const onEnd = (): void => {
      chat.close();
      this.#chats.delete(chat.id);
      this.#openWanted();
    };
    chat.unwatch(lingerMs, onEnd, compare);
  }

  /** Opens the trees that some chat wants, and closes the rest. */
  #openWanted(): void {
    const wanted = new Map<string, boolean>();
    const comparisons = new Map<string, ComparedTree>();
    for (const chat of this.#chats.values()) {
      const compared = chat.comparisons;
      for (const root of chat.wanted) {
        wanted.set(root, chat.isHeadWatched || wanted.get(root) === true);
        for (const each of compared) {
          const key = treeKey(root, comparisonKey(each.wanted));
          comparisons.set(key, { ...each, root, watched: each.watched || comparisons.get(key)?.watched === true });
        }
      }
    }
    this.#options.trees.want(wanted, [...comparisons.values()]);
  }

  /** Repositories come into being: looks again from time to time, while anybody watches. */
  #lookAgainLater(): void {
    this.#cancelLook ??= this.#options.clock.after(this.#options.pendingMs, () => {
      this.#cancelLook = undefined;
      if (this.#look()) this.#lookAgainLater();
    });
  }

  /** A repository came into being, or went: looks when the steps of it are likely done. */
  #lookSoon(): void {
    this.#cancelSoon ??= this.#options.clock.after(OUTDATED_MS, () => {
      this.#cancelSoon = undefined;
      this.#look();
    });
  }

  /** Looks for repositories where that is due. @returns whether anybody watches */
  #look(): boolean {
    const { discovery, discoverMs } = this.#options;
    const watched = [...this.#chats.values()].filter((chat) => chat.watched);
    if (watched.length === 0) {
      discovery.rest();
      return false;
    }
    const due = discovery.isDue(discoverMs);
    for (const chat of watched) if (due || chat.isDue()) void chat.resolve();
    return true;
  }
}
