import { isAbsolute, normalize } from "node:path";
import { idSchema } from "../protocol/index.js";
import { messageOf, TreewireError } from "../util/index.js";
import {
  type Chat,
  type ChatBinding,
  existingDirectory,
  type NewToken,
  Store,
  type TokenEntry,
  troubleOf,
} from "./store/index.js";

/**
 * Makes a token. Works while a relay serves the same directory, and counts there at once.
 *
 * @returns the token's text, which is kept nowhere
 * @throws TreewireError `TW_BAD_USAGE`, `TW_NO_RELAY_DATA`, `TW_DATA_DIR`
 */
export function createToken(dataDir: string, token: NewToken): string {
  const workspace = token.workspace === undefined ? undefined : readId("--workspace", token.workspace);
  if (token.kind === "client" && token.user === "") {
    throw new TreewireError("TW_BAD_USAGE", "--user", { detail: "a name is needed" });
  }
  const read = workspace === undefined ? token : { ...token, workspace };
  return withStore(dataDir, (store) => store.tokens.create(read));
}

/**
 * Binds a chat to the trees of a workspace; makes the chat when it is new. Works while a relay serves the same directory,
 * and counts there at once.
 *
 * @throws TreewireError `TW_BAD_USAGE`, `TW_NO_SUCH_CHAT` of a parent, `TW_NO_RELAY_DATA`, `TW_DATA_DIR`
 */
export function bindChat(dataDir: string, binding: ChatBinding): Chat {
  const chat = readId("CHAT", binding.chat);
  const workspace = readId("--workspace", binding.workspace);
  const parent = binding.parent === undefined ? undefined : readId("--parent", binding.parent);
  for (const path of binding.paths ?? []) {
    if (isAbsolute(path)) continue;
    throw new TreewireError("TW_BAD_USAGE", `--path ${path}`, { detail: "not an absolute path" });
  }
  const paths = binding.paths?.map(normalize);
  const read = {
    ...binding,
    chat,
    workspace,
    ...(parent !== undefined && { parent }),
    ...(paths !== undefined && { paths }),
  };
  return withStore(dataDir, (store) => store.chats.bind(read));
}

/** Every token ever made in the directory, without its secret. @throws TreewireError `TW_NO_RELAY_DATA`, `TW_DATA_DIR` */
export function listTokens(dataDir: string): TokenEntry[] {
  return withStore(dataDir, (store) => store.tokens.list());
}

/**
 * Makes a token worthless; a relay that serves the directory closes its live sockets within a second.
 *
 * @param id as it is listed, or the whole token
 * @throws TreewireError `TW_NO_SUCH_TOKEN`, `TW_NO_RELAY_DATA`, `TW_DATA_DIR`
 */
export function revokeToken(dataDir: string, id: string): TokenEntry {
  const tokenId = /^tw[ac]_([0-9a-f]+)_/.exec(id)?.[1] ?? id;
  const entry = withStore(dataDir, (store) => store.tokens.revoke(tokenId));
  if (entry === undefined) throw new TreewireError("TW_NO_SUCH_TOKEN", tokenId);
  return entry;
}

/** The chats of the directory. @param owner only theirs @throws TreewireError `TW_NO_RELAY_DATA`, `TW_DATA_DIR` */
export function listChats(dataDir: string, owner?: string): Chat[] {
  return withStore(dataDir, (store) => store.chats.list(owner));
}

/**
 * Takes a chat's binding away; who watches it gets an error, and is closed with 1001.
 *
 * @throws TreewireError `TW_BAD_USAGE`, `TW_NO_SUCH_CHAT`, `TW_NO_RELAY_DATA`, `TW_DATA_DIR`
 */
export function unbindChat(dataDir: string, chat: string): Chat {
  const id = readId("CHAT", chat);
  const unbound = withStore(dataDir, (store) => store.chats.unbind(id));
  if (unbound === undefined) throw new TreewireError("TW_NO_SUCH_CHAT", `CHAT ${chat}`);
  return unbound;
}

function withStore<T>(dataDir: string, job: (store: Store) => T): T {
  const directory = existingDirectory(dataDir);
  const store = new Store(directory);
  try {
    return job(store);
  } catch (thrown) {
    // a full disk, or a lock that others held for too long
    if (troubleOf(thrown) === undefined) throw thrown;
    throw new TreewireError("TW_DATA_DIR", directory, { detail: messageOf(thrown), cause: thrown });
  } finally {
    store.close();
  }
}

/** The id in lower case. @throws TreewireError `TW_BAD_USAGE` */
function readId(what: string, text: string): string {
  const id = idSchema.safeParse(text).data;
  if (id === undefined) throw new TreewireError("TW_BAD_USAGE", `${what} ${text}`, { detail: "not a UUID" });
  return id;
}
