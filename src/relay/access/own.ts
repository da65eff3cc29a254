import { idSchema } from "../../protocol/index.js";
import { REFUSALS } from "../answers.js";
import type { Soon } from "../soon.js";
import type { Chat, Store } from "../store/index.js";
import type { Authority } from "./authority.js";
import type { Answer, Calling, Client, Watchable } from "./client.js";
import { readCredentials } from "./credentials.js";

/** Whether a chat is there for a client: to everybody else, it is not. */
export function seesChat(client: Pick<Client, "user" | "admin" | "chat">, chat: Chat): boolean {
  if (client.chat !== undefined && client.chat !== chat.id) return false;
  return client.admin || chat.owner === client.user;
}

/** Who may do what by the word of the relay's own store. */
export class OwnAuthority implements Authority {
  readonly #store: Pick<Store, "tokens" | "chats">;
  readonly #allowedOrigins: readonly string[];

  /** @param allowedOrigins those, beside the relay's own, whose pages may use their visitors' cookies */
  constructor(store: Pick<Store, "tokens" | "chats">, allowedOrigins: readonly string[]) {
    this.#store = store;
    this.#allowedOrigins = allowedOrigins;
  }

  async authenticate(calling: Calling): Promise<Answer<Client>> {
    const credentials = readCredentials(calling, this.#allowedOrigins);
    if (credentials.refusal) return credentials;
    const caller = await this.#store.tokens.verify(credentials.ok);
    return caller?.kind === "client" ? { ok: caller } : { refusal: REFUSALS.signedOut };
  }

  /** A chat that the client may see. @param text what should be its id, in any case */
  async chat(client: Client, text: string): Promise<Answer<Chat>> {
    const id = idSchema.safeParse(text).data;
    if (id === undefined) return { refusal: REFUSALS.invalidChatId };
    const chat = await this.#store.chats.get(id);
    return chat !== undefined && seesChat(client, chat) ? { ok: chat } : { refusal: REFUSALS.notFound };
  }

  async watchable(client: Client, chatId: string): Promise<Answer<Watchable>> {
    const found = await this.chat(client, chatId);
    if (found.refusal) return found;
    const { archived, workspace } = found.ok;
    if (archived) return { refusal: REFUSALS.archived };
    if (workspace === undefined) return { refusal: REFUSALS.noWorkspace };
    if (client.workspace !== undefined && client.workspace !== workspace) return { refusal: REFUSALS.forbidden };
    if (!(await this.#store.tokens.knowsWorkspace(workspace))) return { refusal: REFUSALS.workspaceNotFound };
    return { ok: { chat: found.ok, workspace } };
  }

  isLive(client: Client): Soon<boolean> {
    return this.#store.tokens.isLive(client.tokenId);
  }
}
