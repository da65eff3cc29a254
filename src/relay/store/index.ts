import { join } from "node:path";
import type Database from "libsql";
import { z } from "zod";
import { DEFAULT_LIMITS, type LimitOptions } from "../limit-options.js";
import { BlobStore } from "./blobs.js";
import { ChatRoots } from "./chat-roots.js";
import { ChatStore } from "./chats.js";
import { openDatabase } from "./database.js";
import { FileStore } from "./files.js";
import { TokenStore } from "./tokens.js";
import { TreeStates } from "./tree-states.js";

export { BlobTooLargeError } from "./blobs.js";
export type { Chat, ChatBinding } from "./chats.js";
export type { FileEntry } from "./files.js";
export type { Caller, NewToken, TokenEntry } from "./tokens.js";
export type { StoredTree, TreeHead } from "./tree-states.js";
export type { ChatRoots, ChatStore, TokenStore, TreeStates };

type StoreLimits = Pick<LimitOptions, "workspaceRows" | "workspaceBytes">;

const versionSchema = z.object({ data_version: z.int() });

/** Everything that the relay keeps on disk. */
export class Store {
  readonly tokens: TokenStore;
  readonly chats: ChatStore;
  readonly chatRoots: ChatRoots;
  readonly files: FileStore;
  readonly treeStates: TreeStates;
  readonly blobs: BlobStore;
  readonly #db: Database.Database;
  readonly #dataVersion: Database.Statement;

  /** @param limits of what one workspace may keep @throws TreewireError `TW_DATA_DIR` */
  constructor(dataDir: string, { workspaceRows, workspaceBytes }: StoreLimits = DEFAULT_LIMITS) {
    this.#db = openDatabase(dataDir);
    this.#dataVersion = this.#db.prepare("pragma data_version");
    this.tokens = new TokenStore(this.#db);
    this.chats = new ChatStore(this.#db);
    this.chatRoots = new ChatRoots(this.#db, workspaceRows);
    this.treeStates = new TreeStates(this.#db, { rows: workspaceRows, bytes: workspaceBytes });
    this.files = new FileStore(this.#db);
    this.blobs = new BlobStore(join(dataDir, "files"));
  }

  /** A number that moves when another connection (a command, run beside the server) has written. */
  version(): number {
    return versionSchema.parse(this.#dataVersion.get()).data_version;
  }

  close(): void {
    this.#db.close();
  }
}
