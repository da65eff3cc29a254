import { LRUCache } from "lru-cache";
import { z } from "zod";
import { idSchema } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import { REFUSALS } from "../answers.js";
import type { Store } from "../store/index.js";
import type { Authority } from "./authority.js";
import type { Answer, Calling, Client, Watchable } from "./client.js";
import { readCredentials } from "./credentials.js";
import { tokenDigest } from "./limits.js";

export interface UpstreamOptions {
  /** The server with the chat API; its path, if any, stands before the routes' own. */
  url: URL;
  /** How long an answer may take, in milliseconds. */
  timeoutMs: number;
  /** What answers are aged by, in milliseconds; for tests. */
  now?: () => number;
}

/** How long an answer about a chat counts, in milliseconds. */
const CACHE_MS = 3_000;
const MAX_CACHED = 10_000;

/** What of a chat decides who watches what. Coder leaves a missing workspace out or makes it null. */
const chatSchema = z.object({
  id: z.string(),
  workspace_id: idSchema.nullish(),
  archived: z.boolean().default(false),
});

/** Who may watch by the word of an existing server with the chat API: it is asked for the chat in the caller's name. */
export class UpstreamAuthority implements Authority {
  readonly #store: Pick<Store, "tokens" | "chats">;
  readonly #options: UpstreamOptions;
  readonly #allowedOrigins: readonly string[];
  readonly #log: Logger;
  readonly #answers: LRUCache<string, Promise<Answer<z.infer<typeof chatSchema>>>>;

  /** @param store says which workspaces have agents, and, for a chat that is bound here too, at which paths it looks */
  constructor(
    store: Pick<Store, "tokens" | "chats">,
    options: UpstreamOptions,
    allowedOrigins: readonly string[],
    log: Logger,
  ) {
    this.#store = store;
    this.#options = options;
    this.#allowedOrigins = allowedOrigins;
    this.#log = log;
    const { now } = options;
    this.#answers = new LRUCache({
      max: MAX_CACHED,
      ttl: CACHE_MS,
      ...(now !== undefined && { perf: { now }, ttlResolution: 0 }),
    });
  }

  /** Only reads the token: whose it is, the upstream says when it is asked for a chat. */
  async authenticate(calling: Calling): Promise<Answer<Client>> {
    const credentials = readCredentials(calling, this.#allowedOrigins);
    if (credentials.refusal) return credentials;
    const token = credentials.ok;
    const unknown = { user: "", admin: false, workspace: undefined, chat: undefined, expiresAt: undefined };
    return { ok: { ...unknown, tokenId: tokenDigest(token), token } };
  }

  async watchable(client: Client, chatId: string, prefix: string): Promise<Answer<Watchable>> {
    const id = idSchema.safeParse(chatId).data;
    if (id === undefined) return { refusal: REFUSALS.invalidChatId };
    const answer = await this.#chat(client, id, prefix);
    if (answer.refusal) return answer;
    const { archived, workspace_id: workspace } = answer.ok;
    if (archived) return { refusal: REFUSALS.archived };
    if (!workspace) return { refusal: REFUSALS.noWorkspace };
    if (!(await this.#store.tokens.knowsWorkspace(workspace))) return { refusal: REFUSALS.workspaceNotFound };
    const bound = await this.#store.chats.get(id);
    const { paths, base } = bound?.workspace === workspace ? bound : { paths: [], base: "" };
    return { ok: { chat: { id, paths, base }, workspace } };
  }

  /** The upstream's tokens end at the upstream: it says so when it is asked for the chat again. */
  isLive(): boolean {
    return true;
  }

  /** Something has changed a chat: what was said of chats no longer counts. */
  forget(): void {
    this.#answers.clear();
  }

  #chat(client: Client, id: string, prefix: string): Promise<Answer<z.infer<typeof chatSchema>>> {
    const key = `${client.tokenId} ${id}`;
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = this.#ask(client, id, prefix);
      this.#answers.set(key, answer);
    }
    return answer;
  }

  async #ask(client: Client, id: string, prefix: string): Promise<Answer<z.infer<typeof chatSchema>>> {
    const { url, timeoutMs } = this.#options;
    const base = url.href.replace(/\/+$/, "");
    try {
      const response = await fetch(`${base}${prefix}/chats/${id}`, {
        headers: { "Coder-Session-Token": client.token ?? "", Accept: "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.ok) return { ok: chatSchema.parse(await response.json()) };
      await response.body?.cancel();
      const refusal = BY_STATUS[response.status];
      if (refusal !== undefined && !isPage(response)) return { refusal };
      throw new Error(`status ${response.status}`);
    } catch (thrown) {
      const isLate = thrown instanceof DOMException && thrown.name === "TimeoutError";
      this.#log.warn({ chat: id, err: thrown }, "the upstream did not say whether a chat may be watched");
      this.#answers.delete(`${client.tokenId} ${id}`); // a failure is not kept
      return { refusal: isLate ? REFUSALS.gatewayTimeout : REFUSALS.badGateway };
    }
  }
}

/** A proxy before the upstream answers as well, for a while, and with pages: they say nothing about who may watch. */
function isPage({ headers }: Response): boolean {
  return /^text\/html\b/i.test(headers.get("content-type") ?? "");
}

const BY_STATUS: Record<number, (typeof REFUSALS)[keyof typeof REFUSALS]> = {
  401: REFUSALS.signedOut,
  403: REFUSALS.forbidden,
  404: REFUSALS.notFound,
};
