import { createHash, randomBytes } from "node:crypto";
import type Database from "libsql";
import { z } from "zod";
import type { InviteKind, NewInvites, Redeemed } from "../records.js";
import type { Invites } from "../store.js";
import type { TokenTable } from "./tokens.js";

const SECRET_BYTES = 16;
/** So many bytes in base64url; anything else is none, and is not looked for. */
const SECRET_FORM = /^[A-Za-z0-9_-]{22}$/;

const rowSchema = z.object({
  workspace: z.string(),
  chat: z.string(),
  owner: z.string(),
  relay: z.string(),
  uses: z.int(),
});

/**
 * {@link Invites} at rest (docs/operating.md, "Invites"), without waiting; what writes is called in a transaction. A secret has 128 random bits and is kept as its hash alone; a lookup by that
 * hash tells nothing of the secret by its time.
 */
export class InviteTable {
  readonly #db: Database.Database;
  readonly #tokens: TokenTable;

  constructor(db: Database.Database, tokens: TokenTable) {
    this.#db = db;
    this.#tokens = tokens;
  }

  create(invites: NewInvites): Record<InviteKind, string> {
    const { workspace, chat, owner, relay, expiresAt, uses } = invites;
    const made = { agent: newSecret(), view: newSecret() };
    this.#forgetExpired();
    const insert = this.#db.prepare(
      `insert into invites (hash, kind, workspace, chat, owner, relay, uses, expires_at)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    insert.run(hash(made.agent), "agent", workspace, chat, owner, relay, 1, expiresAt.getTime());
    insert.run(hash(made.view), "view", workspace, chat, owner, relay, uses, expiresAt.getTime());
    return made;
  }

  join(secret: string): Redeemed | undefined {
    return this.#redeem("agent", secret, ({ workspace }) => this.#tokens.create({ kind: "agent", workspace }));
  }

  view(secret: string, expiresAt: Date): Redeemed | undefined {
    return this.#redeem("view", secret, ({ owner, workspace, chat }) =>
      this.#tokens.create({ kind: "client", user: owner, workspace, chat, isSession: true, expiresAt }),
    );
  }

  #redeem(kind: InviteKind, secret: string, make: (row: z.infer<typeof rowSchema>) => string): Redeemed | undefined {
    if (!SECRET_FORM.test(secret)) return undefined;
    const id = hash(secret);
    this.#forgetExpired();
    const found = this.#db
      .prepare("select workspace, chat, owner, relay, uses from invites where hash = ? and kind = ?")
      .get(id, kind);
    if (found === undefined) return undefined;
    const row = rowSchema.parse(found);
    if (row.uses > 1) this.#db.prepare("update invites set uses = uses - 1 where hash = ?").run(id);
    else this.#db.prepare("delete from invites where hash = ?").run(id);
    return { token: make(row), workspace: row.workspace, chat: row.chat, relay: row.relay };
  }

  #forgetExpired(): void {
    this.#db.prepare("delete from invites where expires_at <= ?").run(Date.now());
  }
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

function hash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
