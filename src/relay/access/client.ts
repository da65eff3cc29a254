import type { IncomingHttpHeaders } from "node:http";
import type { Refusal } from "../answers.js";
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
  /** Set: sees this chat alone, and no files. */
  chat: string | undefined;
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

/** Either what was asked for, or the refusal that the contract with clients has for it (docs/protocol.md). */
export type Answer<T> = { ok: T; refusal?: never } | { ok?: never; refusal: Refusal };

/** A chat by its id, in lower case, the paths in its workspace that it shows (none: every repository), and its base. */
export type BoundChat = Pick<Chat, "id" | "paths"> & Partial<Pick<Chat, "base">>;

/** A chat that may be watched, and in which workspace. */
export interface Watchable {
  chat: BoundChat;
  workspace: string;
}
