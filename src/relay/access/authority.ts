import type { IncomingHttpHeaders } from "node:http";
import { agentNotConnected, type Refusal } from "../answers.js";
import type { AgentState } from "../hub/index.js";
import type { Chat } from "../store/index.js";

/** Whoever watches and uploads: a person, or a program in their name. */
export interface Client {
  /** Names the token in logs and among live sockets. No secret. */
  tokenId: string;
  user: string;
  /** Sees every chat. */
  admin: boolean;
  /** Set: sees trees of this workspace alone. */
  workspace: string | undefined;
  expiresAt: Date | undefined;
  /** The token itself, for an upstream that has to be asked in the caller's name. Never logged. */
  readonly token?: string;
}

/** What of a request says who is calling. */
export interface Calling {
  method: string;
  headers: IncomingHttpHeaders;
  query: URLSearchParams;
  /** The host that the request was made to. */
  host: string;
  isUpgrade: boolean;
}

/** Either what was asked for, or the refusal that docs/protocol.md has for it. */
export type Answer<T> = { ok: T; refusal?: never } | { ok?: never; refusal: Refusal };

/** What a watch socket shows. */
export type WatchedChat = Pick<Chat, "id" | "paths">;

/** A chat that may be watched, and in which workspace. */
export interface Watchable {
  chat: WatchedChat;
  workspace: string;
}

/** Who may do what. */
export interface Authority {
  /** Whose token a request brings. */
  authenticate(calling: Calling): Promise<Answer<Client>>;
  /**
   * Whether the caller may watch the chat, whatever its agent does.
   *
   * @param prefix the route prefix that the client uses
   */
  watchable(client: Client, chatId: string, prefix: string): Promise<Answer<Watchable>>;
  /** Whether the client's token, which counted before, has not been revoked since. */
  isLive(client: Client): boolean;
}

/**
 * Everything that has to hold before a watch socket opens: the chat, and an agent that is there.
 *
 * @param agentStatus of a workspace; "connected" as well when its last states will do
 */
export async function mayWatch(
  authority: Authority,
  agentStatus: (workspace: string) => AgentState,
  client: Client,
  chatId: string,
  prefix: string,
): Promise<Answer<Watchable>> {
  const watchable = await authority.watchable(client, chatId, prefix);
  if (watchable.refusal) return watchable;
  const status = agentStatus(watchable.ok.workspace);
  return status === "connected" ? watchable : { refusal: agentNotConnected(status) };
}
