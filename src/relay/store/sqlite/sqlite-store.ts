import { join, resolve } from "node:path";
import type Database from "libsql";
import { z } from "zod";
import { type Clock, type Logger, silentLogger, systemClock } from "../../../util/index.js";
import { DEFAULT_LIMITS, type LimitOptions } from "../../limit-options.js";
import type { StoreHealth } from "../health.js";
import type { Changes } from "../records.js";
import {
  type ChatRoots,
  type Chats,
  type Invites,
  PreconditionError,
  type Store,
  type Tokens,
  type TreeStates,
} from "../store.js";
import type { StoreTransfer } from "../transfer.js";
import { BlobStore } from "./blobs.js";
import { ChangeLog } from "./changes.js";
import { SqliteChatFiles, type Write } from "./chat-files.js";
import { ChatRootTable } from "./chat-roots.js";
import { ChatTable } from "./chats.js";
import { inTransaction, openDatabase } from "./database.js";
import { type ServedDirectory, serveDirectory } from "./directory.js";
import { FileTable } from "./files.js";
import { InviteTable } from "./invites.js";
import { RelaxedChatRoots } from "./relaxed-roots.js";
import { RelaxedTreeStates } from "./relaxed-trees.js";
import { TokenTable } from "./tokens.js";
import { SqliteTransfer } from "./transfer.js";
import { TreeStateTable } from "./tree-states.js";
import { SERVE_BUSY_TIMEOUT_MS, StoreWriter } from "./writer.js";

type StoreLimits = Pick<LimitOptions, "workspaceRows" | "workspaceBytes">;

const versionSchema = z.object({ data_version: z.int() });

/** One relay's store: a database in its directory, and files beside it. Reads are answered at once. */
export class SqliteStore implements Store {
  readonly tokens: Tokens;
  readonly invites: Invites;
  readonly chats: Chats;
  readonly files: SqliteChatFiles;
  readonly chatRoots: ChatRoots;
  readonly treeStates: TreeStates;
  readonly transfer: StoreTransfer;
  readonly #db: Database.Database;
  readonly #tokens: TokenTable;
  readonly #chats: ChatTable;
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
    this.#tokens = new TokenTable(this.#db);
    this.tokens = tokensOf(this.#tokens, this.#write);
    this.invites = invitesOf(new InviteTable(this.#db, this.#tokens), this.#write);
    this.#chats = new ChatTable(this.#db);
    this.chats = chatsOf(this.#chats, this.#write);
    this.chatRoots = new RelaxedChatRoots(new ChatRootTable(this.#db, workspaceRows), this.#writer);
    const treeStates = new TreeStateTable(this.#db, { rows: workspaceRows, bytes: workspaceBytes });
    this.treeStates = new RelaxedTreeStates(treeStates, this.#writer);
    const files = new FileTable(this.#db);
    this.files = new SqliteChatFiles(files, new BlobStore(join(directory, "files")), this.#write);
    const tables = { tokens: this.#tokens, chats: this.#chats, files };
    this.transfer = new SqliteTransfer(this.#db, { ...tables, chatFiles: this.files, write: this.#write });
  }

  /**
   * Opens a directory for a relay that serves it alone, and makes it when it is missing. Its writes wait for no other
   * process's lock in the event loop.
   *
   * @throws TreewireError `TW_DATA_DIR`, `TW_DATA_DIR_IN_USE`
   */
  static serve(dataDir: string, log: Logger, limits?: StoreLimits): SqliteStore {
    const directory = serveDirectory(dataDir);
    try {
      const store = new SqliteStore(directory.path, { log, ...(limits !== undefined && { limits }) });
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

  get health(): StoreHealth {
    return this.#writer.health;
  }

  readonly #write: Write = (job, { by, written } = {}) =>
    this.#writer.durable(() => {
      const result = inTransaction(this.#db, () => {
        if (by !== undefined && !this.#tokens.isLive(by)) throw new PreconditionError("token-ended");
        return job();
      });
      written?.(result);
      return result;
    });

  version(): number {
    return versionSchema.parse(this.#dataVersion.get()).data_version;
  }

  changes(): Changes | "all" {
    return this.#changes.take();
  }

  async check(): Promise<void> {
    this.version();
  }

  flush(isOver: () => boolean): Promise<void> {
    return this.#writer.flush(isOver);
  }

  async close(): Promise<void> {
    this.#closeDatabase();
    this.#served?.release();
  }

  #hasEntries(): boolean {
    try {
      return this.#tokens.list().length > 0 || this.#chats.list().length > 0;
    } catch {
      return true;
    }
  }

  #closeDatabase(): void {
    this.#writer.close();
    this.#db.close();
  }
}

function tokensOf(table: TokenTable, write: Write): Tokens {
  return {
    create: (token, options) => write(() => table.create(token), options),
    verify: async (text) => table.verify(text),
    isLive: (tokenId) => table.isLive(tokenId),
    list: async () => table.list(),
    revoke: (tokenId, options) => write(() => table.revoke(tokenId), options),
    endSession: async (text) => {
      const caller = table.verify(text);
      if (caller === undefined || !table.isSession(caller.tokenId)) return false;
      await write(() => table.revoke(caller.tokenId));
      return true;
    },
    knowsWorkspace: async (workspace) => table.knowsWorkspace(workspace),
  };
}

function invitesOf(table: InviteTable, write: Write): Invites {
  return {
    create: (invites) => write(() => table.create(invites)),
    join: (secret) => write(() => table.join(secret)),
    view: (secret, expiresAt) => write(() => table.view(secret, expiresAt)),
  };
}

function chatsOf(table: ChatTable, write: Write): Chats {
  return {
    get: async (id) => table.get(id),
    bind: (binding, options) => write(() => table.bind(binding), options),
    bindNamed: (chat, options) => write(() => table.bindNamed(chat), options),
    list: async (owner) => table.list(owner),
    page: async (options) => table.page(options),
    unbind: (id, options) => write(() => table.unbind(id), options),
    update: (id, change, { owner, ...onBehalf } = {}) => write(() => table.update(id, change, owner), onBehalf),
  };
}
