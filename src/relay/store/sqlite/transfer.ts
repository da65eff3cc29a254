import type Database from "libsql";
import { z } from "zod";
import type { FileEntry } from "../records.js";
import type { TokenRecord } from "../token-record.js";
import type { InviteRecord, StoreTransfer, TransferItem, TransferRecord } from "../transfer.js";
import type { SqliteChatFiles, Write } from "./chat-files.js";
import type { ChatTable } from "./chats.js";
import type { FileTable } from "./files.js";
import type { TokenTable } from "./tokens.js";

const idsSchema = z.array(z.object({ id: z.string() }));
const inviteSchema = z
  .object({
    hash: z.string(),
    kind: z.enum(["agent", "view"]),
    workspace: z.string(),
    chat: z.string(),
    owner: z.string(),
    relay: z.string(),
    uses: z.int(),
    expires_at: z.int(),
  })
  .transform(({ expires_at: expiresAt, ...rest }): InviteRecord => ({ ...rest, expiresAt }));

/** {@link StoreTransfer} of a database and the files beside it. */
export class SqliteTransfer implements StoreTransfer {
  readonly #db: Database.Database;
  readonly #tokens: TokenTable;
  readonly #chats: ChatTable;
  readonly #files: FileTable;
  readonly #chatFiles: SqliteChatFiles;
  readonly #write: Write;

  constructor(
    db: Database.Database,
    parts: { tokens: TokenTable; chats: ChatTable; files: FileTable; chatFiles: SqliteChatFiles; write: Write },
  ) {
    this.#db = db;
    this.#tokens = parts.tokens;
    this.#chats = parts.chats;
    this.#files = parts.files;
    this.#chatFiles = parts.chatFiles;
    this.#write = parts.write;
  }

  async isEmpty(): Promise<boolean> {
    return ["tokens", "invites", "chats", "files"].every(
      (table) => this.#db.prepare(`select 1 from ${table} limit 1`).get() === undefined,
    );
  }

  async *read(): AsyncGenerator<TransferItem> {
    for (const id of this.#ids("select id from tokens order by created_at, rowid")) {
      const token = this.#tokens.record(id);
      if (token !== undefined) yield { kind: "token", token };
    }
    for (const hash of this.#ids("select hash as id from invites order by hash")) {
      const row = this.#db.prepare("select * from invites where hash = ?").get(hash);
      const invite = row === undefined ? undefined : inviteSchema.parse(row);
      if (invite !== undefined && invite.expiresAt > Date.now()) yield { kind: "invite", invite };
    }
    for (const id of this.#ids("select id from chats order by created_at, rowid")) {
      const chat = this.#chats.get(id);
      const hasChildren = this.#db.prepare("select 1 from chats where parent = ? limit 1").get(id) !== undefined;
      if (chat !== undefined) yield { kind: "chat", chat, hasChildren };
    }
    for (const id of this.#ids("select id from files order by created_at, rowid")) {
      const file = this.#files.get(id);
      const bytes = file && (await this.#chatFiles.read(file));
      if (file !== undefined && bytes !== undefined) yield { kind: "file", file, bytes };
    }
  }

  async write(records: readonly TransferRecord[]): Promise<void> {
    this.#db.pragma("foreign_keys = OFF"); // a chat may have been bound below one that was made after it
    await this.#write(() => {
      for (const record of records) this.#insert(record);
    });
  }

  async writeFile(file: FileEntry, bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
    const blob = await this.#chatFiles.stage(bytes, Number.POSITIVE_INFINITY);
    try {
      if (blob.digest !== file.digest || blob.size !== file.size) return false;
      if (this.#files.get(file.id) === undefined) await this.#chatFiles.addAs(file, blob);
      return true;
    } finally {
      await blob.discard();
    }
  }

  async finish(): Promise<void> {
    await this.#write(() => {
      this.#db
        .prepare("update chats set parent = null where parent is not null and parent not in (select id from chats)")
        .run();
    });
    this.#db.pragma("foreign_keys = ON");
  }

  #insert(record: TransferRecord): void {
    if (record.kind === "token") this.#insertToken(record.token);
    else if (record.kind === "invite") this.#insertInvite(record.invite);
    else this.#chats.insert(record.chat);
  }

  #insertToken(token: TokenRecord): void {
    if (this.#tokens.record(token.id) !== undefined) return;
    this.#tokens.insert(token);
  }

  #insertInvite({ hash, kind, workspace, chat, owner, relay, uses, expiresAt }: InviteRecord): void {
    this.#db
      .prepare(
        `insert or ignore into invites (hash, kind, workspace, chat, owner, relay, uses, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(hash, kind, workspace, chat, owner, relay, uses, expiresAt);
  }

  #ids(query: string): string[] {
    return idsSchema.parse(this.#db.prepare(query).all()).map(({ id }) => id);
  }
}
