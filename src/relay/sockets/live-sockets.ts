import type { CLOSE } from "../../protocol/index.js";
import type { Authority, BoundChat, Client } from "../access/index.js";
import { REFUSALS } from "../answers.js";
import type { Soon } from "../soon.js";
import { SetMap } from "./set-map.js";

/** An open socket of a client: of one that is told of chats, or a watch socket. */
export interface LiveClient {
  readonly client: Client;
  /** @param text why, in at most 123 bytes */
  close(reason: keyof typeof CLOSE, text: string): void;
}

/** An open watch socket. */
export interface LiveWatch extends LiveClient {
  readonly chatId: string;
  /** The prefix of the route by which the client came. */
  readonly prefix: string;
  /** Goes on with the chat's present binding; does nothing when nothing has changed. */
  rebind(chat: BoundChat, workspace: string): void;
  /** The chat can no longer be watched. @param error why, in at most 123 bytes */
  end(error: string): void;
}

/** An agent's tunnel, welcomed or not yet. */
export interface LiveTunnel {
  readonly token: { readonly tokenId: string; readonly expiresAt: Date | undefined };
  /** It is closed, or about to be: it takes nobody's place. */
  readonly isOver: boolean;
  /** @param text why, in at most 123 bytes */
  close(reason: keyof typeof CLOSE, text: string): void;
}

const RELAY_FAILED = "the relay has failed; come back";
const TOKEN_ENDED = "the token was revoked or has expired";
const REPLACED = "a newer agent has taken this workspace";

/** So many questions about who may watch are out at a time; between two such batches everything else has its turn. */
const QUESTIONS_AT_ONCE = 16;

/**
 * The sockets that are open, each of which may stay only as long as its token counts and its chat may be watched. What a
 * change costs follows the sockets that it is about, not those that are open.
 */
export class LiveSockets {
  readonly #authority: Pick<Authority, "isLive" | "watchable">;
  readonly #isLiveAgentToken: (tokenId: string) => Soon<boolean>;
  readonly #prepare: (workspace: string, chat: string) => Promise<void> | undefined;
  readonly #watching = new Set<LiveWatch>();
  /** Those that are told of chats. */
  readonly #feeds = new Set<LiveClient>();
  readonly #byToken = new SetMap<string, LiveClient>();
  readonly #byChat = new SetMap<string, LiveWatch>();
  readonly #tunnelsByToken = new SetMap<string, LiveTunnel>();
  /** Those that were welcomed, by workspace. */
  readonly #tunnels = new Map<string, LiveTunnel>();
  /** Hellos, in the order in which they came, of those that were welcomed. */
  readonly #hellos = new WeakMap<LiveTunnel, number>();
  #helloCount = 0;
  /** The last question about each watch socket: an answer to an earlier one says nothing any more. */
  readonly #asked = new WeakMap<LiveWatch, number>();
  #askCount = 0;
  #generation = 0;
  /** No token of an open socket expires before then. Milliseconds since 1970. */
  #firstExpiryMs = Number.POSITIVE_INFINITY;

  /**
   * @param isLiveAgentToken whether an agent's token, which counted before, has not been revoked since, nor expired
   * @param prepare called before a socket goes on with the chat's present binding
   */
  constructor(
    authority: Pick<Authority, "isLive" | "watchable">,
    isLiveAgentToken: (tokenId: string) => Soon<boolean>,
    prepare: (workspace: string, chat: string) => Promise<void> | undefined = () => undefined,
  ) {
    this.#prepare = prepare;
    this.#authority = authority;
    this.#isLiveAgentToken = isLiveAgentToken;
  }

  /** How many sockets are open, and how many agents were welcomed. */
  counts(): { sockets: number; tunnels: number } {
    return { sockets: this.#watching.size + this.#feeds.size, tunnels: this.#tunnels.size };
  }

  /** Another number once anything has changed: what was known before has to be asked again. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * A socket has come to be whose right was asked about at an earlier {@link generation}: what has changed since then may be about
   * it. One that cannot be asked about again is closed. Never rejects.
   *
   * @param failed told of what the authority or the store threw
   */
  async lookAgain(socket: LiveClient, since: number, failed: (thrown: unknown) => void): Promise<void> {
    if (this.#generation === since) return;
    try {
      if (!(await this.#authority.isLive(socket.client))) {
        socket.close("tokenRevoked", TOKEN_ENDED);
        return;
      }
      if (isWatch(socket)) await this.#reconcileGroup(new Set([socket]));
    } catch (thrown) {
      failed(thrown);
      socket.close("internalError", RELAY_FAILED);
    }
  }

  addWatch(watch: LiveWatch): void {
    this.#watching.add(watch);
    this.#willExpire(watch.client.expiresAt);
    this.#byToken.add(watch.client.tokenId, watch);
    this.#byChat.add(watch.chatId, watch);
  }

  deleteWatch(watch: LiveWatch): void {
    this.#watching.delete(watch);
    this.#byToken.delete(watch.client.tokenId, watch);
    this.#byChat.delete(watch.chatId, watch);
  }

  addFeed(feed: LiveClient): void {
    this.#feeds.add(feed);
    this.#willExpire(feed.client.expiresAt);
    this.#byToken.add(feed.client.tokenId, feed);
  }

  deleteFeed(feed: LiveClient): void {
    this.#feeds.delete(feed);
    this.#byToken.delete(feed.client.tokenId, feed);
  }

  /** An agent's socket is open. It has not said hello, but from here on it ends with its token. */
  addTunnel(tunnel: LiveTunnel): void {
    this.#tunnelsByToken.add(tunnel.token.tokenId, tunnel);
    this.#willExpire(tunnel.token.expiresAt);
  }

  /**
   * An agent says hello. A workspace has one tunnel: a newer one closes the one before, if its token still counts. The order is
   * that of the hellos, in whatever order their tokens are found to count.
   *
   * @returns whether it does, at once where the token is known at once; if not, the tunnel is closed, and the one before stays
   * @throws what the store throws; then nothing has happened
   */
  welcomeTunnel(workspace: string, tunnel: LiveTunnel): Soon<boolean> {
    this.#helloCount += 1;
    const hello = this.#helloCount;
    const isLive = this.#isLiveAgentToken(tunnel.token.tokenId);
    if (!(isLive instanceof Promise)) return this.#welcome(workspace, tunnel, { hello, isLive });
    return isLive.then((live) => this.#welcome(workspace, tunnel, { hello, isLive: live }));
  }

  #welcome(workspace: string, tunnel: LiveTunnel, { hello, isLive }: { hello: number; isLive: boolean }): boolean {
    if (tunnel.isOver) return false;
    if (!isLive) {
      tunnel.close("tokenRevoked", TOKEN_ENDED);
      return false;
    }
    const before = this.#tunnels.get(workspace);
    if (before !== undefined && (this.#hellos.get(before) ?? 0) > hello) {
      tunnel.close("replaced", REPLACED);
      return false;
    }
    before?.close("replaced", REPLACED);
    this.#tunnels.set(workspace, tunnel);
    this.#hellos.set(tunnel, hello);
    return true;
  }

  /** A tunnel is closed; the one that took its place stays. */
  deleteTunnel(workspace: string, tunnel: LiveTunnel): void {
    this.#tunnelsByToken.delete(tunnel.token.tokenId, tunnel);
    if (this.#tunnels.get(workspace) === tunnel) this.#tunnels.delete(workspace);
  }

  #willExpire(expiresAt: Date | undefined): void {
    if (expiresAt !== undefined) this.#firstExpiryMs = Math.min(this.#firstExpiryMs, expiresAt.getTime());
  }

  /**
   * Closes the sockets whose tokens have expired. Looks at none of them before the first does.
   *
   * @param nowMs milliseconds since 1970
   */
  expire(nowMs: number): void {
    if (nowMs < this.#firstExpiryMs) return;
    this.#firstExpiryMs = Number.POSITIVE_INFINITY;
    const close = (socket: Pick<LiveClient, "close">, expiresAt: Date | undefined) => {
      if (expiresAt === undefined) return;
      if (expiresAt.getTime() <= nowMs) socket.close("tokenRevoked", TOKEN_ENDED);
      else this.#willExpire(expiresAt);
    };
    for (const watch of this.#watching) close(watch, watch.client.expiresAt);
    for (const feed of this.#feeds) close(feed, feed.client.expiresAt);
    for (const tunnels of this.#tunnelsByToken.sets()) {
      for (const tunnel of tunnels) close(tunnel, tunnel.token.expiresAt);
    }
  }

  /**
   * Closes the sockets of tokens that no longer count: at once, as far as that is known at once.
   *
   * @param changed ids of tokens
   * @throws what the store threw first; all others were asked about
   */
  async reconcileTokens(changed: ReadonlySet<string> | "all"): Promise<void> {
    this.#generation += 1;
    const tokens = changed === "all" ? [...this.#byToken.keys(), ...this.#tunnelsByToken.keys()] : changed;
    let failure: { thrown: unknown } | undefined;
    const failed = (thrown: unknown) => {
      failure ??= { thrown };
    };
    const waiting: Promise<void>[] = [];
    for (const tokenId of new Set(tokens)) {
      try {
        for (const asked of [this.#reconcileTunnels(tokenId), this.#reconcileClients(tokenId)]) {
          if (asked !== undefined) waiting.push(asked.catch(failed));
        }
      } catch (thrown) {
        failed(thrown);
      }
      if (waiting.length >= QUESTIONS_AT_ONCE) await Promise.all(waiting.splice(0));
    }
    await Promise.all(waiting);
    if (failure !== undefined) throw failure.thrown;
  }

  #reconcileTunnels(tokenId: string): Promise<void> | undefined {
    if (this.#tunnelsByToken.get(tokenId).size === 0) return undefined;
    return whenEnded(this.#isLiveAgentToken(tokenId), () => {
      for (const tunnel of [...this.#tunnelsByToken.get(tokenId)]) tunnel.close("tokenRevoked", TOKEN_ENDED);
    });
  }

  #reconcileClients(tokenId: string): Promise<void> | undefined {
    const [first] = this.#byToken.get(tokenId);
    if (first === undefined) return undefined;
    return whenEnded(this.#authority.isLive(first.client), () => {
      for (const client of [...this.#byToken.get(tokenId)]) client.close("tokenRevoked", TOKEN_ENDED);
    });
  }

  /**
   * Looks again at who may watch chats that have changed. Whoever asks for the same chat with the same token is asked about
   * once.
   *
   * @param changed ids of chats
   * @throws what the authority threw first; all others were asked about
   */
  async reconcileChats(changed: ReadonlySet<string> | "all"): Promise<void> {
    this.#generation += 1;
    const watches = changed === "all" ? this.#watching : [...changed].flatMap((chat) => [...this.#byChat.get(chat)]);
    const groups = new SetMap<string, LiveWatch>();
    for (const watch of watches) groups.add(`${watch.client.tokenId} ${watch.chatId} ${watch.prefix}`, watch);
    const questions = [...groups.sets()];
    let failure: { thrown: unknown } | undefined;
    while (questions.length > 0) {
      const batch = questions.splice(-QUESTIONS_AT_ONCE);
      const outcomes = await Promise.allSettled(batch.map((group) => this.#reconcileGroup(group)));
      for (const outcome of outcomes) if (outcome.status === "rejected") failure ??= { thrown: outcome.reason };
      if (questions.length > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (failure !== undefined) throw failure.thrown;
  }

  /** @param group sockets of one token that watch one chat by one prefix */
  async #reconcileGroup(group: ReadonlySet<LiveWatch>): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    this.#askCount += 1;
    const question = this.#askCount;
    for (const watch of group) this.#asked.set(watch, question);
    const answer = await this.#authority.watchable(first.client, first.chatId, first.prefix);
    if (answer.ok) await this.#prepare(answer.ok.workspace, answer.ok.chat.id);
    const open = [...group].filter((watch) => this.#watching.has(watch) && this.#asked.get(watch) === question);
    if (answer.ok) {
      for (const watch of open) watch.rebind(answer.ok.chat, answer.ok.workspace);
      return;
    }
    const { refusal } = answer;
    if (refusal.status >= 500) return; // the upstream's trouble: live streams go on
    for (const watch of open) {
      if (refusal.status === 401) watch.close("tokenRevoked", TOKEN_ENDED);
      else watch.end(refusal === REFUSALS.archived ? "chat is archived" : refusal.body.message);
    }
  }
}

function isWatch(socket: LiveClient): socket is LiveWatch {
  return "chatId" in socket;
}

/** Does something when a token turns out not to count: at once where that is known. @returns `undefined`: it was known */
function whenEnded(isLive: Soon<boolean>, end: () => void): Promise<void> | undefined {
  if (isLive instanceof Promise) return isLive.then((live) => (live ? undefined : end()));
  if (!isLive) end();
  return undefined;
}
