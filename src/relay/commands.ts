import { randomUUID } from "node:crypto";
import { isAbsolute, normalize } from "node:path";
import { idSchema, parseComparisonRequest } from "../protocol/index.js";
import { TreewireError } from "../util/index.js";
import type { Chat, ChatBinding, NewToken, TokenEntry } from "./store/index.js";
import { type StorePlace, withStore } from "./store-place.js";

/**
 * Makes a token. Works while relays serve the same store, and counts there at once.
 *
 * @returns the token's text, which is kept nowhere
 * @throws TreewireError `TW_BAD_USAGE`, and as {@link withStore}
 */
export async function createToken(place: StorePlace | string, token: NewToken): Promise<string> {
  const workspace = token.workspace === undefined ? undefined : readId("--workspace", token.workspace);
  if (token.kind === "client" && token.user === "") {
    throw new TreewireError("TW_BAD_USAGE", "--user", { detail: "a name is needed" });
  }
  const read = workspace === undefined ? token : { ...token, workspace };
  return withStore(place, (store) => store.tokens.create(read));
}

/**
 * Binds a chat to the trees of a workspace; makes the chat when it is new. Works while relays serve the same store,
 * and counts there at once.
 *
 * @throws TreewireError `TW_BAD_USAGE`, `TW_NO_SUCH_CHAT` of a parent, and as {@link withStore}
 */
export async function bindChat(place: StorePlace | string, binding: ChatBinding): Promise<Chat> {
  const chat = readId("CHAT", binding.chat);
  const workspace = readId("--workspace", binding.workspace);
  const parent = binding.parent === undefined ? undefined : readId("--parent", binding.parent);
  requireAbsolute(binding.paths ?? []);
  if (binding.base !== undefined && parseComparisonRequest(`ref:${binding.base}`) === undefined) {
    throw new TreewireError("TW_BAD_USAGE", `--base ${binding.base}`, { detail: "not a ref's name" });
  }
  const paths = binding.paths?.map(normalize);
  const read = {
    ...binding,
    chat,
    workspace,
    ...(parent !== undefined && { parent }),
    ...(paths !== undefined && { paths }),
  };
  return withStore(place, (store) => store.chats.bind(read));
}

/** What two links are made for. */
export interface Invitation {
  /** The relay's URL as agents and people reach it. */
  url: string;
  /** Whose the chat is. Default: `me`. */
  owner?: string;
  /** Absolute paths in the workspace; none: every repository that the agent finds. */
  paths?: readonly string[];
  /** Default: ten minutes from now. */
  expiresAt?: Date;
  /** How many sessions the link for people makes. Default: 5. */
  uses?: number;
}

/** An invitation that was made: a new workspace, a chat that shows it, and a link for each end. */
export interface Invited {
  /** Joins a workspace's agent, once. */
  agentUrl: string;
  /** Opens the page, and a terminal. */
  viewUrl: string;
  workspace: string;
  chat: string;
  expiresAt: Date;
}

const INVITE_MS = 10 * 60_000;
const INVITE_USES = 5;

/**
 * Makes a workspace, a chat that shows it, and the links by which an agent and people join. Works while a relay serves the
 * same directory.
 *
 * @throws TreewireError `TW_BAD_USAGE`, `TW_BAD_URL`, and as {@link withStore}
 */
export async function invite(place: StorePlace | string, invitation: Invitation): Promise<Invited> {
  const { owner, paths, expiresAt, uses, base } = readInvitation(invitation);
  const workspace = randomUUID();
  const { id: chat } = await bindChat(place, { chat: randomUUID(), workspace, owner, paths });
  const secrets = await withStore(place, (store) =>
    store.invites.create({ workspace, chat, owner, relay: base, expiresAt, uses }),
  );
  const links = { agentUrl: `${base}/#agent-${secrets.agent}`, viewUrl: `${base}/#view-${secrets.view}` };
  return { ...links, workspace, chat, expiresAt };
}

/** An invitation that can be made. @throws TreewireError `TW_BAD_USAGE`, `TW_BAD_URL` */
export function readInvitation({
  url,
  owner = "me",
  paths = [],
  expiresAt = new Date(Date.now() + INVITE_MS),
  uses = INVITE_USES,
}: Invitation): Required<Omit<Invitation, "url">> & { base: string } {
  if (owner === "") throw new TreewireError("TW_BAD_USAGE", "--owner", { detail: "a name is needed" });
  if (!Number.isInteger(uses) || uses < 1) {
    throw new TreewireError("TW_BAD_USAGE", "--uses", { detail: "not a whole number from 1 on" });
  }
  requireAbsolute(paths);
  return { owner, paths, expiresAt, uses, base: readPublicUrl(url) };
}

/** @throws TreewireError `TW_BAD_USAGE` */
function requireAbsolute(paths: readonly string[]): void {
  const relative = paths.find((path) => !isAbsolute(path));
  if (relative === undefined) return;
  throw new TreewireError("TW_BAD_USAGE", `--path ${relative}`, { detail: "not an absolute path" });
}

/** The URL without a slash at its end. @throws TreewireError `TW_BAD_URL` */
function readPublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (url === undefined || !isPlain || !/^https?:$/.test(url.protocol)) {
    throw new TreewireError("TW_BAD_URL", "--url", { detail: "http:// or https://, host and perhaps a path" });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** Every token ever made, without its secret. @throws TreewireError as {@link withStore} */
export async function listTokens(place: StorePlace | string): Promise<TokenEntry[]> {
  return withStore(place, (store) => store.tokens.list());
}

/**
 * Makes a token worthless; relays that serve the store close its live sockets within a second.
 *
 * @param id as it is listed, or the whole token
 * @throws TreewireError `TW_NO_SUCH_TOKEN`, and as {@link withStore}
 */
export async function revokeToken(place: StorePlace | string, id: string): Promise<TokenEntry> {
  const tokenId = /^tw[ac]_([0-9a-f]+)_/.exec(id)?.[1] ?? id;
  const entry = await withStore(place, (store) => store.tokens.revoke(tokenId));
  if (entry === undefined) throw new TreewireError("TW_NO_SUCH_TOKEN", tokenId);
  return entry;
}

/** The chats. @param owner only theirs @throws TreewireError as {@link withStore} */
export async function listChats(place: StorePlace | string, owner?: string): Promise<Chat[]> {
  return withStore(place, (store) => store.chats.list(owner));
}

/**
 * Takes a chat's binding away; who watches it gets an error, and is closed with 1001.
 *
 * @throws TreewireError `TW_BAD_USAGE`, `TW_NO_SUCH_CHAT`, and as {@link withStore}
 */
export async function unbindChat(place: StorePlace | string, chat: string): Promise<Chat> {
  const id = readId("CHAT", chat);
  const unbound = await withStore(place, (store) => store.chats.unbind(id));
  if (unbound === undefined) throw new TreewireError("TW_NO_SUCH_CHAT", `CHAT ${chat}`);
  return unbound;
}

/** The id in lower case. @throws TreewireError `TW_BAD_USAGE` */
function readId(what: string, text: string): string {
  const id = idSchema.safeParse(text).data;
  if (id === undefined) throw new TreewireError("TW_BAD_USAGE", `${what} ${text}`, { detail: "not a UUID" });
  return id;
}
