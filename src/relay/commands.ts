import { isAbsolute, normalize } from "node:path";
import { idSchema } from "../protocol/index.js";
import { TreewireError } from "../util/index.js";
import { type Chat, type ChatBinding, type NewToken, Store } from "./store/index.js";

/**
 * Makes a token. Works while a relay serves the same directory, and counts there at once.
 *
 * @returns the token's text, which is kept nowhere
 * @throws TreewireError `TW_BAD_USAGE`, `TW_DATA_DIR`
 */
export function createToken(dataDir: string, token: NewToken): string {
  if (token.workspace !== undefined) requireId("--workspace", token.workspace);
  if (token.kind === "client" && token.user === "") {
    throw new TreewireError("TW_BAD_USAGE", "--user", { detail: "a name is needed" });
  }
  return withStore(dataDir, (store) => store.tokens.create(token));
}

/**
 * Binds a chat to the trees of a workspace; makes the chat when it is new. Works while a relay serves the same directory,
 * and counts there at once.
 *
 * @throws TreewireError `TW_BAD_USAGE`, `TW_DATA_DIR`
 */
export function bindChat(dataDir: string, binding: ChatBinding): Chat {
  requireId("CHAT", binding.chat);
  requireId("--workspace", binding.workspace);
  if (binding.parent !== undefined) requireId("--parent", binding.parent);
  for (const path of binding.paths ?? []) {
    if (isAbsolute(path)) continue;
    throw new TreewireError("TW_BAD_USAGE", `--path ${path}`, { detail: "not an absolute path" });
  }
  const paths = binding.paths?.map(normalize);
  return withStore(dataDir, (store) => store.chats.bind(paths === undefined ? binding : { ...binding, paths }));
}

function withStore<T>(dataDir: string, job: (store: Store) => T): T {
  const store = new Store(dataDir);
  try {
    return job(store);
  } finally {
    store.close();
  }
}

function requireId(what: string, id: string): void {
  if (!idSchema.safeParse(id).success) {
    throw new TreewireError("TW_BAD_USAGE", `${what} ${id}`, { detail: "not a UUID" });
  }
}
