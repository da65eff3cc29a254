import type Database from "libsql";
import { z } from "zod";
import type { Caller, NewToken, TokenEntry } from "../records.js";
import type { Tokens } from "../store.js";
import {
  callerOf,
  countingOf,
  entryOf,
  isTextOf,
  newTokenRecord,
  type TokenRecord,
  tokenIdIn,
} from "../token-record.js";

const rowSchema = z
  .object({
    id: z.string(),
    kind: z.enum(["agent", "client"]),
    // libsql hands a blob out as a Buffer from get() and as an ArrayBuffer from all()
    secret_hash: z.union([
      z.instanceof(Uint8Array),
      z.instanceof(ArrayBuffer).transform((bytes) => new Uint8Array(bytes)),
    ]),
    workspace: z.string().nullable(),
    user: z.string().nullable(),
    admin: z.int(),
    created_at: z.int(),
    expires_at: z.int().nullable(),
    revoked_at: z.int().nullable(),
    parent: z.string().nullable(),
    is_session: z.int(),
    chat: z.string().nullable(),
  })
  .transform(
    (row): TokenRecord => ({
      id: row.id,
      kind: row.kind,
      hash: row.secret_hash,
      workspace: row.workspace ?? undefined,
      user: row.user ?? undefined,
      admin: row.admin === 1,
      createdAt: row.created_at,
      expiresAt: row.expires_at ?? undefined,
      revokedAt: row.revoked_at ?? undefined,
      parent: row.parent ?? undefined,
      isSession: row.is_session === 1,
      chat: row.chat ?? undefined,
    }),
  );

/** {@link Tokens} at rest, without waiting. */
export class TokenTable {
  readonly #db: Database.Database;
  readonly #byId: Database.Statement;
  readonly #agentOf: Database.Statement;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#byId = db.prepare("select * from tokens where id = ?");
    this.#agentOf = db.prepare(
      `select 1 from tokens where kind = 'agent' and workspace = ?1
       union all select 1 from invites where kind = 'agent' and workspace = ?1 and expires_at > ?2 limit 1`,
    );
  }

  create(token: NewToken): string {
    const { record, text } = newTokenRecord(token);
    this.insert(record);
    return text;
  }

  /** @param record of an id that is not there */
  insert(record: TokenRecord): void {
    this.#db
      .prepare(
        `insert into tokens
           (id, kind, secret_hash, workspace, user, admin, created_at, expires_at, revoked_at, parent, is_session, chat)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        record.id,
        record.kind,
        record.hash,
        record.workspace ?? null,
        record.user ?? null,
        record.admin ? 1 : 0,
        record.createdAt,
        record.expiresAt ?? null,
        record.revokedAt ?? null,
        record.parent ?? null,
        record.isSession ? 1 : 0,
        record.chat ?? null,
      );
  }

  verify(text: string): Caller | undefined {
    const row = this.record(tokenIdIn(text));
    return isTextOf(text, row) && this.#counts(row) ? callerOf(row) : undefined;
  }

  isLive(tokenId: string): boolean {
    return this.#counts(this.record(tokenId));
  }

  /** Whether a token was made by signing in. */
  isSession(tokenId: string): boolean {
    return this.record(tokenId)?.isSession === true;
  }

  list(): TokenEntry[] {
    const rows = this.#db.prepare("select * from tokens order by created_at, rowid").all();
    return z.array(rowSchema).parse(rows).map(entryOf);
  }

  revoke(tokenId: string): TokenEntry | undefined {
    this.#db.prepare("update tokens set revoked_at = ? where id = ? and revoked_at is null").run(Date.now(), tokenId);
    const row = this.record(tokenId);
    return row === undefined ? undefined : entryOf(row);
  }

  knowsWorkspace(workspace: string): boolean {
    return this.#agentOf.get(workspace, Date.now()) !== undefined;
  }

  #counts(record: TokenRecord | undefined): boolean {
    const counting = countingOf(record);
    let step = counting.next();
    while (!step.done) step = counting.next(this.record(step.value));
    return step.value;
  }

  /** What is kept of a token. */
  record(id: string): TokenRecord | undefined {
    const row = this.#byId.get(id);
    return row === undefined ? undefined : rowSchema.parse(row);
  }
}
