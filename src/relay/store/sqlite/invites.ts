import type Database from "libsql";
import { z } from "zod";
import { inviteHash, newInviteSecret } from "../invite-secret.js";
import type { InviteKind, NewInvites, Redeemed } from "../records.js";
import type { Invites } from "../store.js";
import type { TokenTable } from "./tokens.js";

const rowSchema = z.object({
  workspace: z.string(),
  chat: z.string(),
  owner: z.string(),
  relay: z.string(),
  uses: z.int(),
});

/** {@link Invites} at rest (docs/operating.md, "Invites"), without waiting; what writes is called in a transaction. */
export class InviteTable {
  readonly #db: Database.Database;
  readonly #tokens: TokenTable;

  constructor(db: Database.Database, tokens: TokenTable) {
    this.#db = db;
    this.#tokens = tokens;
  }

  create(invites: NewInvites): Record<InviteKind, string> {
    const { workspace, chat, owner, relay, expiresAt, uses } = invites;
    const made = { agent: newInviteSecret(), view: newInviteSecret() };
    this.#forgetExpired();
    const insert = this.#db.prepare(
      `insert into invites (hash, kind, workspace, chat, owner, relay, uses, expires_at)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    insert.run(inviteHash(made.agent), "agent", workspace, chat, owner, relay, 1, expiresAt.getTime());
    insert.run(inviteHash(made.view), "view", workspace, chat, owner, relay, uses, expiresAt.getTime());
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
    const id = inviteHash(secret);
    if (id === undefined) return undefined;
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
