import type { IncomingHttpHeaders } from "node:http";
import { idSchema } from "../protocol/index.js";
import { agentNotConnected, REFUSALS, type Refusal } from "./answers.js";
import { originMayUseCookie, readCredentials } from "./credentials.js";
import type { AgentStatus } from "./hub/index.js";
import type { Caller, Chat, Store } from "./store/index.js";

export type Client = Extract<Caller, { kind: "client" }>;

/** A chat that may be watched, and in which workspace. */
export interface Watchable {
  chat: Chat;
  workspace: string;
}

/** Either what was asked for, or the refusal that the wire contract has for it. */
export type Answer<T> = { ok: T; refusal?: never } | { ok?: never; refusal: Refusal };

/** Who may do what, by the store's word. */
export class Access {
  readonly #store: Store;
  readonly #agentStatus: (workspace: string) => AgentStatus;
  readonly #allowedOrigins: readonly string[];

  constructor(store: Store, agentStatus: (workspace: string) => AgentStatus, allowedOrigins: readonly string[]) {
    this.#store = store;
    this.#agentStatus = agentStatus;
    this.#allowedOrigins = allowedOrigins;
  }

  /** Whose token an upgrade or a GET brings. */
  authenticate(headers: IncomingHttpHeaders, query: URLSearchParams, isUpgrade: boolean): Answer<Client> {
    const credentials = readCredentials(headers, query);
    if (credentials === undefined) return { refusal: REFUSALS.signedOut };
    if (
      isUpgrade &&
      credentials.source === "cookie" &&
      !originMayUseCookie(headers.origin, headers.host ?? "", this.#allowedOrigins)
    ) {
      return { refusal: REFUSALS.forbidden };
    }
    const caller = this.#store.tokens.verify(credentials.token);
    return caller?.kind === "client" ? { ok: caller } : { refusal: REFUSALS.signedOut };
  }

  /** A chat that the caller may see. */
  chat(caller: Client, id: string): Answer<Chat> {
    if (!idSchema.safeParse(id).success) return { refusal: REFUSALS.invalidChatId };
    const chat = this.#store.chats.get(id);
    if (chat === undefined || !(caller.admin || chat.owner === caller.user)) return { refusal: REFUSALS.notFound };
    return { ok: chat };
  }

  /** Whether the caller may watch the chat's workspace, whatever its agent does. */
  workspaceOf(caller: Client, chat: Chat): Answer<Watchable> {
    if (chat.archived) return { refusal: REFUSALS.archived };
    const { workspace } = chat;
    if (workspace === undefined) return { refusal: REFUSALS.noWorkspace };
    if (caller.workspace !== undefined && caller.workspace !== workspace) return { refusal: REFUSALS.forbidden };
    if (!this.#store.tokens.knowsWorkspace(workspace)) return { refusal: REFUSALS.workspaceNotFound };
    return { ok: { chat, workspace } };
  }

  /** Everything that has to hold before a watch socket opens. */
  watch(caller: Client, chatId: string): Answer<Watchable> {
    const chat = this.chat(caller, chatId);
    if (chat.refusal) return chat;
    const watchable = this.workspaceOf(caller, chat.ok);
    if (watchable.refusal) return watchable;
    const status = this.#agentStatus(watchable.ok.workspace);
    return status === "connected" ? watchable : { refusal: agentNotConnected(status) };
  }
}
