import { join, resolve } from "node:path";
import type Database from "libsql";
import { z } from "zod";
import { type Clock, type Logger, silentLogger, systemClock } from "../../util/index.js";
import { DEFAULT_LIMITS, type LimitOptions } from "../limit-options.js";
import { BlobStore } from "./blobs.js";
import { ChangeLog, type Changes } from "./changes.js";
import { ChatFiles } from "./chat-files.js";
import { ChatRoots } from "./chat-roots.js";
import { ChatStore } from "./chats.js";
import { openDatabase } from "./database.js";
import { type ServedDirectory, serveDirectory } from "./directory.js";
import { FileStore } from "./files.js";
import type { StoreHealth } from "./health.js";
import { InviteStore } from "./invites.js";
import { type KeptRoots, RelaxedChatRoots } from "./relaxed-roots.js";
import { type KeptTrees, RelaxedTreeStates } from "./relaxed-trees.js";
import { TokenStore } from "./tokens.js";
import { TreeStates } from "./tree-states.js";
import { SERVE_BUSY_TIMEOUT_MS, StoreWriter } from "./writer.js";

export { BlobTooLargeError, type StagedBlob } from "./blobs.js";
export type { Changes } from "./changes.js";
export type { Chat, ChatBinding } from "./chats.js";
export { existingDirectory } from "./directory.js";
export type { FileEntry } from "./files.js";
export type { StoreHealth, StoreState } from "./health.js";
export type { NewInvites } from "./invites.js";
export type { Caller, NewToken, TokenEntry } from "./tokens.js";
export type { StoredTree, TreeHead } from "./tree-states.js";
export { type StoreTrouble, troubleOf } from "./trouble.js";
export type { ChatFiles, ChatStore, InviteStore, KeptRoots as ChatRoots, KeptTrees as TreeStates, TokenStore };

type StoreLimits = Pick<LimitOptions, "workspaceRows" | "workspaceBytes">;

const versionSchema = z.object({ data_version: z.int() });

/** Everything that the relay keeps on disk. */
export class Store {
  readonly tokens: TokenStore;
  readonly invites: InviteStore;
  readonly chats: ChatStore;
  readonly chatRoots: KeptRoots;
  readonly files: FileStore;
  readonly treeStates: KeptTrees;
  readonly blobs: BlobStore;
  readonly chatFiles: ChatFiles;
  readonly #db: Database.Database;
  readonly #dataVersion: Database.Statement;
  readonly #changes: ChangeLog;
  readonly #writer: StoreWriter;
  #served: ServedDirectory | undefined;

  /**
   * Opens what is in a directory that exists.
   *
   * @param options `log`: told of the store's troubles; `limits`: of what one workspace may keep
   * @throws TreewireError `TW_DATA_DIR`
   */
  constructor(dataDir: string, options: { log?: Logger; clock?: Clock; limits?: StoreLimits } = {}) {
    const { log = silentLogger(), clock = systemClock, limits = DEFAULT_LIMITS } = options;
    const { workspaceRows, workspaceBytes } = limits;
    const directory = resolve(dataDir);
    this.#db = openDatabase(directory);
    this.#dataVersion = this.#db.prepare("pragma data_version");
    this.#changes = new ChangeLog(this.#db);
    this.#writer = new StoreWriter(this.#db, log, clock);
    this.tokens = new TokenStore(this.#db);
    this.invites = new InviteStore(this.#db, this.tokens);
    this.chats = new ChatStore(this.#db);
    this.chatRoots = new RelaxedChatRoots(new ChatRoots(this.#db, workspaceRows), this.#writer);
    const treeStates = new TreeStates(this.#db, { rows: workspaceRows, bytes: workspaceBytes });
    this.treeStates = new RelaxedTreeStates(treeStates, this.#writer);
    this.files = new FileStore(this.#db);
    this.blobs = new BlobStore(join(directory, "files"));
    this.chatFiles = new ChatFiles(this.files, this.blobs, (write) => this.durable(write));
  }

  /**
   * Opens a directory for a relay that serves it alone, and makes it when it is missing. Its writes wait for no other
   * process's lock in the event loop.
   *
   * @throws TreewireError `TW_DATA_DIR`, `TW_DATA_DIR_IN_USE`
   */
  static serve(dataDir: string, log: Logger, limits?: StoreLimits): Store {
    const directory = serveDirectory(dataDir);
    try {
      const store = new Store(directory.path, { log, ...(limits !== undefined && { limits }) });
      store.#served = directory;
      store.#db.pragma(`busy_timeout = ${SERVE_BUSY_TIMEOUT_MS}`);
      return store;
    } catch (thrown) {
      directory.undo(false);
      throw thrown;
    }
  }

  /** Closes what {@link serve} opened for a relay that could not start, and leaves the directory as it was before. */
  abandon(): void {
    const keepDatabase = this.#hasEntries(); // of a command that was faster than the failure
    this.#closeDatabase();
    this.#served?.undo(keepDatabase);
  }

  /** Whether it takes writes at present. */
  get health(): StoreHealth {
    return this.#writer.health;
  }

  /**
   * Writes what a caller will be told was written. A lock of another process is waited for without holding up anybody.
   *
   * @param write checks and writes, in one turn; called again after a lock
   * @throws what `write` throws, for which {@link troubleOf} knows whether the store is to blame
   */
  durable<T>(write: () => T): Promise<T> {
    return this.#writer.durable(write);
  }

  /** Writes what waits, as far as the store takes it. @param isOver asked now and then: there is no more time */
  flush(isOver: () => boolean): Promise<void> {
    return this.#writer.flush(isOver);
  }

  /** A number that moves when another connection (a command, run beside the server) has written. */
  version(): number {
    return versionSchema.parse(this.#dataVersion.get()).data_version;
  }

  /** Which tokens and chats have changed since the last call, by whatever process; "all" when that is not known. */
  changes(): Changes | "all" {
    return this.#changes.take();
  }

  close(): void {
    this.#closeDatabase();
    this.#served?.release();
  }

  #hasEntries(): boolean {
    try {
      return this.tokens.list().length > 0 || this.chats.list().length > 0;
    } catch {
      return true;
    }
  }

  #closeDatabase(): void {
    this.#writer.close();
    this.#db.close();
  }
}
