import type Database from "libsql";
import { z } from "zod";
import { ChatRoots } from "./chat-roots.js";
import { ChatStore } from "./chats.js";
import { openDatabase } from "./database.js";
import { TokenStore } from "./tokens.js";

export type { Chat, ChatBinding } from "./chats.js";
export type { Caller, NewToken } from "./tokens.js";
export type { ChatRoots, ChatStore, TokenStore };

const versionSchema = z.object({ data_version: z.int() });

/** Everything that the relay keeps on disk. */
export class Store {
  readonly tokens: TokenStore;
  readonly chats: ChatStore;
  readonly chatRoots: ChatRoots;
  readonly #db: Database.Database;
  readonly #dataVersion: Database.Statement;

  /** @throws TreewireError `TW_DATA_DIR` */
  constructor(dataDir: string) {
    this.#db = openDatabase(dataDir);
    this.#dataVersion = this.#db.prepare("pragma data_version");
    this.tokens = new TokenStore(this.#db);
    this.chats = new ChatStore(this.#db);
    this.chatRoots = new ChatRoots(this.#db);
  }

  /** A number that moves when another connection (a command, run beside the server) has written. */
  version(): number {
    return versionSchema.parse(this.#dataVersion.get()).data_version;
  }

  close(): void {
    this.#db.close();
  }
}
