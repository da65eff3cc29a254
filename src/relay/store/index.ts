import { join } from "node:path";
import type Database from "libsql";
import { z } from "zod";
import { BlobStore } from "./blobs.js";
import { ChatFiles } from "./chat-files.js";
import { ChatRoots } from "./chat-roots.js";
import { ChatStore } from "./chats.js";
import { openDatabase } from "./database.js";
import { FileStore } from "./files.js";
import { TokenStore } from "./tokens.js";
import { TreeStates } from "./tree-states.js";

export { BlobTooLargeError, type StagedBlob } from "./blobs.js";
export type { Chat, ChatBinding } from "./chats.js";
export type { FileEntry } from "./files.js";
export type { Caller, NewToken, TokenEntry } from "./tokens.js";
export type { StoredTree, TreeHead } from "./tree-states.js";
export type { ChatFiles, ChatRoots, ChatStore, TokenStore, TreeStates };

const versionSchema = z.object({ data_version: z.int() });

/** Everything that the relay keeps on disk. */
export class Store {
  readonly tokens: TokenStore;
  readonly chats: ChatStore;
  readonly chatRoots: ChatRoots;
  readonly files: FileStore;
  readonly treeStates: TreeStates;
  readonly blobs: BlobStore;
  readonly chatFiles: ChatFiles;
  readonly #db: Database.Database;
  readonly #dataVersion: Database.Statement;

  /** @throws TreewireError `TW_DATA_DIR` */
  constructor(dataDir: string) {
    this.#db = openDatabase(dataDir);
    this.#dataVersion = this.#db.prepare("pragma data_version");
    this.tokens = new TokenStore(this.#db);
    this.chats = new ChatStore(this.#db);
    this.chatRoots = new ChatRoots(this.#db);
    this.treeStates = new TreeStates(this.#db);
    this.files = new FileStore(this.#db);
    this.blobs = new BlobStore(join(dataDir, "files"));
    this.chatFiles = new ChatFiles(this.files, this.blobs);
  }

  /** A number that moves when another connection (a command, run beside the server) has written. */
  version(): number {
    return versionSchema.parse(this.#dataVersion.get()).data_version;
  }

  close(): void {
    this.#db.close();
  }
}
