import { createHash, randomBytes } from "node:crypto";
import type Database from "libsql";
import { z } from "zod";
import { inTransaction } from "./database.js";
import type { TokenStore } from "./tokens.js";

/** What an invite leads to: an agent's token for a workspace, or a session that watches its chat. */
export type InviteKind = "agent" | "view";

/** What two invites are made for: one for the workspace's agent, one for people. */
export interface NewInvites {
  workspace: string;
  /** The chat that the link for people opens. */
  chat: string;
  /** Whom a session speaks for. */
  owner: string;
  /** The relay's URL, as it is reached. */
  relay: string;
  expiresAt: Date;
  /** How many sessions the link for people makes. */
  uses: number;
}

/** What somebody was given for an invite. */
export interface Redeemed {
  token: string;
  workspace: string;
  chat: string;
  relay: string;
}

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
 * Invites at rest (docs/operating.md, "Invites"). A secret has 128 random bits and is kept as its hash alone; a lookup by that
 * hash tells nothing of the secret by its time.
 */
export class InviteStore {
  readonly #db: Database.Database;
  readonly #tokens: TokenStore;

  constructor(db: Database.Database, tokens: TokenStore) {
    this.#db = db;
    this.#tokens = tokens;
  }

  /** Makes both. @param invites ids in lower case @returns their secrets, which are kept nowhere */
  create(invites: NewInvites): Record<InviteKind, string> {
    const { workspace, chat, owner, relay, expiresAt, uses } = invites;
    const made = { agent: newSecret(), view: newSecret() };
    inTransaction(this.#db, () => {
      this.#forgetExpired();
      const insert = this.#db.prepare(
        `insert into invites (hash, kind, workspace, chat, owner, relay, uses, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)`,
      );
      insert.run(hash(made.agent), "agent", workspace, chat, owner, relay, 1, expiresAt.getTime());
      insert.run(hash(made.view), "view", workspace, chat, owner, relay, uses, expiresAt.getTime());
    });
    return made;
  }

  /** Trades an agent's invite for a token of its workspace. @returns `undefined`: it is used, expired or unknown */
  join(secret: string): Redeemed | undefined {
    return this.#redeem("agent", secret, ({ workspace }) => this.#tokens.create({ kind: "agent", workspace }));
  }

  /** Trades one use of an invite for people for a session, which sees its chat alone. @returns as {@link join} */
  view(secret: string, expiresAt: Date): Redeemed | undefined {
    return this.#redeem("view", secret, ({ owner, workspace, chat }) =>
      this.#tokens.create({ kind: "client", user: owner, workspace, chat, isSession: true, expiresAt }),
    );
  }

  #redeem(kind: InviteKind, secret: string, make: (row: z.infer<typeof rowSchema>) => string): Redeemed | undefined {
    if (!SECRET_FORM.test(secret)) return undefined;
    const id = hash(secret);
    return inTransaction(this.#db, () => {
      this.#forgetExpired();
      const found = this.#db
        .prepare("select workspace, chat, owner, relay, uses from invites where hash = ? and kind = ?")
        .get(id, kind);
      if (found === undefined) return undefined;
      const row = rowSchema.parse(found);
      if (row.uses > 1) this.#db.prepare("update invites set uses = uses - 1 where hash = ?").run(id);
      else this.#db.prepare("delete from invites where hash = ?").run(id);
      return { token: make(row), workspace: row.workspace, chat: row.chat, relay: row.relay };
    });
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
