import type { CLOSE } from "../../protocol/index.js";
import type { Authority, BoundChat, Client } from "../access/index.js";
import { REFUSALS } from "../answers.js";

/** An open watch socket. */
export interface LiveWatch {
  readonly client: Client;
  readonly chatId: string;
  /** The prefix of the route by which the client came. */
  readonly prefix: string;
  /** @param text why, in at most 123 bytes */
  close(reason: keyof typeof CLOSE, text: string): void;
  /** Goes on with the chat's present binding; does nothing when nothing has changed. */
  rebind(chat: BoundChat, workspace: string): void;
  /** The chat can no longer be watched. @param error why, in at most 123 bytes */
  end(error: string): void;
}

/** An agent's tunnel that was welcomed. */
export interface LiveTunnel {
  readonly token: { readonly tokenId: string; readonly expiresAt: Date | undefined };
  /** @param text why, in at most 123 bytes */
  close(reason: keyof typeof CLOSE, text: string): void;
}

const TOKEN_ENDED = "the token was revoked or has expired";

/** The sockets that are open, each of which may stay only as long as its token counts and its chat may be watched. */
export class LiveSockets {
  readonly #authority: Pick<Authority, "isLive" | "watchable">;
  readonly #isLiveAgentToken: (tokenId: string) => boolean;
  readonly #watching = new Set<LiveWatch>();
  readonly #tunnels = new Map<string, LiveTunnel>();

  /** @param isLiveAgentToken whether an agent's token, which counted before, has not been revoked since */
  constructor(authority: Pick<Authority, "isLive" | "watchable">, isLiveAgentToken: (tokenId: string) => boolean) {
    this.#authority = authority;
    this.#isLiveAgentToken = isLiveAgentToken;
  }

  /** How many sockets are open. */
  counts(): { sockets: number; tunnels: number } {
    return { sockets: this.#watching.size, tunnels: this.#tunnels.size };
  }

  addWatch(watch: LiveWatch): void {
    this.#watching.add(watch);
  }

  deleteWatch(watch: LiveWatch): void {
    this.#watching.delete(watch);
  }

  /** A workspace has one tunnel: a newer one closes the one before. */
  addTunnel(workspace: string, tunnel: LiveTunnel): void {
    this.#tunnels.get(workspace)?.close("replaced", "a newer agent has taken this workspace");
    this.#tunnels.set(workspace, tunnel);
  }

  /** A tunnel is closed; the one that took its place stays. */
  deleteTunnel(workspace: string, tunnel: LiveTunnel): void {
    if (this.#tunnels.get(workspace) === tunnel) this.#tunnels.delete(workspace);
  }

  /** Closes the sockets whose tokens have expired. @param nowMs milliseconds since 1970 */
  expire(nowMs: number): void {
    const isOver = (expiresAt: Date | undefined) => expiresAt !== undefined && expiresAt.getTime() <= nowMs;
    for (const watch of this.#watching) if (isOver(watch.client.expiresAt)) watch.close("tokenRevoked", TOKEN_ENDED);
    for (const tunnel of this.#tunnels.values()) {
      if (isOver(tunnel.token.expiresAt)) tunnel.close("tokenRevoked", TOKEN_ENDED);
    }
  }

  /** Looks again at who may watch what: the store, or the upstream, has changed. */
  async reconcile(): Promise<void> {
    for (const tunnel of this.#tunnels.values()) {
      if (!this.#isLiveAgentToken(tunnel.token.tokenId)) tunnel.close("tokenRevoked", TOKEN_ENDED);
    }
    await Promise.all([...this.#watching].map((watch) => this.#reconcileWatch(watch)));
  }

  async #reconcileWatch(watch: LiveWatch): Promise<void> {
    const { client, chatId, prefix } = watch;
    if (!this.#authority.isLive(client)) {
      watch.close("tokenRevoked", TOKEN_ENDED);
      return;
    }
    const answer = await this.#authority.watchable(client, chatId, prefix);
    if (answer.ok) {
      watch.rebind(answer.ok.chat, answer.ok.workspace);
      return;
    }
    const { refusal } = answer;
    if (refusal.status >= 500) return; // the upstream's trouble: live streams go on
    if (refusal.status === 401) watch.close("tokenRevoked", TOKEN_ENDED);
    else watch.end(refusal === REFUSALS.archived ? "chat is archived" : refusal.body.message);
  }
}
