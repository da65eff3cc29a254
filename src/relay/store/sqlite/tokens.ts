import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type Database from "libsql";
import { z } from "zod";
import type { Caller, NewToken, TokenEntry } from "../records.js";
import type { Tokens } from "../store.js";

const ID_BYTES = 8;
const SECRET_BYTES = 32;
/** A session that was traded for a session, and so on, is looked at in as many steps at each request. */
const MAX_PARENTS = 8;

/** `twa_` or `twc_`, the id, the secret. The id is no secret: it finds the row, and names the token in logs. */
const TOKEN_FORM = /^tw([ac])_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

const rowSchema = z.object({
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
});

/**
 * {@link Tokens} at rest, without waiting. A secret has 256 random bits, so one round of SHA-256 hides it: there is nothing to guess, and a slow
 * password hash would only cost every request.
 */
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
    const id = randomBytes(ID_BYTES).toString("hex");
    const secret = randomBytes(SECRET_BYTES).toString("base64url");
    const isClient = token.kind === "client";
    this.#db
      .prepare(
        `insert into tokens
           (id, kind, secret_hash, workspace, user, admin, created_at, expires_at, parent, is_session, chat)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        token.kind,
        hash(secret),
        token.workspace ?? null,
        isClient ? token.user : (token.autoBind ?? null),
        isClient && token.admin === true ? 1 : 0,
        Date.now(),
        token.expiresAt?.getTime() ?? null,
        isClient ? (token.parent ?? null) : null,
        isClient && token.isSession === true ? 1 : 0,
        isClient ? (token.chat ?? null) : null,
      );
    return `tw${letterOf(token)}_${id}_${secret}`;
  }

  verify(text: string): Caller | undefined {
    const [, letter = "", id = "", secret = ""] = TOKEN_FORM.exec(text) ?? [];
    const row = this.#row(id);
    const matches = timingSafeEqual(hash(secret), row?.secret_hash ?? hash(""));
    const counts = row !== undefined && matches && letterOf(row) === letter && this.#counts(row);
    return counts ? callerOf(row) : undefined;
  }

  isLive(tokenId: string): boolean {
    const row = this.#row(tokenId);
    return row !== undefined && this.#counts(row);
  }

  /** Whether a token was made by signing in. */
  isSession(tokenId: string): boolean {
    return this.#row(tokenId)?.is_session === 1;
  }

  list(): TokenEntry[] {
    const rows = this.#db.prepare("select * from tokens order by created_at, rowid").all();
    return z.array(rowSchema).parse(rows).map(entryOf);
  }

  revoke(tokenId: string): TokenEntry | undefined {
    this.#db.prepare("update tokens set revoked_at = ? where id = ? and revoked_at is null").run(Date.now(), tokenId);
    const row = this.#row(tokenId);
    return row === undefined ? undefined : entryOf(row);
  }

  knowsWorkspace(workspace: string): boolean {
    return this.#agentOf.get(workspace, Date.now()) !== undefined;
  }

  /** A session counts as long as the token does that it was traded for, which may be a session itself. */
  #counts(row: z.infer<typeof rowSchema>): boolean {
    let at: z.infer<typeof rowSchema> | undefined = row;
    for (let above = 0; above <= MAX_PARENTS; above += 1) {
      if (at === undefined || !isLive(at)) return false;
      if (at.parent === null) return true;
      at = this.#row(at.parent);
    }
    return false;
  }

  #row(id: string): z.infer<typeof rowSchema> | undefined {
    const row = this.#byId.get(id);
    return row === undefined ? undefined : rowSchema.parse(row);
  }
}

/** What stands in a token's text for its kind: whoever sees one knows what it opens. */
function letterOf({ kind }: Pick<Caller, "kind">): string {
  return kind === "client" ? "c" : "a";
}

function isLive(row: z.infer<typeof rowSchema>): boolean {
  return row.revoked_at === null && (row.expires_at === null || row.expires_at > Date.now());
}

function callerOf(row: z.infer<typeof rowSchema>): Caller {
  const common = { tokenId: row.id, expiresAt: dateOf(row.expires_at) };
  if (row.kind === "agent")
    return { ...common, kind: "agent", workspace: row.workspace ?? "", autoBind: row.user ?? undefined };
  const { user, admin, workspace, chat } = row;
  const only = { workspace: workspace ?? undefined, chat: chat ?? undefined };
  return { ...common, kind: "client", user: user ?? "", admin: admin === 1, ...only };
}

function entryOf(row: z.infer<typeof rowSchema>): TokenEntry {
  return {
    ...callerOf(row),
    createdAt: new Date(row.created_at),
    revokedAt: dateOf(row.revoked_at),
    isSession: row.is_session === 1,
  };
}

function dateOf(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms);
}

function hash(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
