import { z } from "zod";
import { inviteHash, newInviteSecret } from "../invite-secret.js";
import type { InviteKind, NewInvites, NewToken, Redeemed } from "../records.js";
import type { Invites } from "../store.js";
import type { InviteRecord } from "../transfer.js";
import { recordSubjects } from "./subjects.js";
import { createIn, knowIn } from "./tokens.js";
import type { RecordWriter, Transaction } from "./transaction.js";

/** An invite as it is kept, under the hash of its secret. */
export const inviteSchema = z.object({
  kind: z.enum(["agent", "view"]),
  workspace: z.string(),
  chat: z.string(),
  owner: z.string(),
  relay: z.string(),
  uses: z.int(),
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
});
type Invite = z.infer<typeof inviteSchema>;

/** {@link Invites} (docs/operating.md, "Invites") as records that all relays share. One that has expired goes by itself. */
export class NatsInvites implements Invites {
  readonly #writer: RecordWriter;

  constructor(writer: RecordWriter) {
    this.#writer = writer;
  }

  create({ workspace, chat, owner, relay, expiresAt, uses }: NewInvites): Promise<Record<InviteKind, string>> {
    const made = { agent: newInviteSecret(), view: newInviteSecret() };
    const common = { workspace, chat, owner, relay, expiresAt: expiresAt.getTime() };
    return this.#writer.write(async (transaction) => {
      create(transaction, made.agent, { ...common, kind: "agent", uses: 1 });
      create(transaction, made.view, { ...common, kind: "view", uses });
      await knowIn(transaction, workspace, common.expiresAt);
      return made;
    });
  }

  join(secret: string): Promise<Redeemed | undefined> {
    return this.#redeem("agent", secret, ({ workspace }) => ({ kind: "agent", workspace }));
  }

  view(secret: string, expiresAt: Date): Promise<Redeemed | undefined> {
    return this.#redeem("view", secret, ({ owner, workspace, chat }) => {
      return { kind: "client", user: owner, workspace, chat, isSession: true, expiresAt };
    });
  }

  async #redeem(
    kind: InviteKind,
    secret: string,
    tokenOf: (invite: Invite) => NewToken,
  ): Promise<Redeemed | undefined> {
    const hash = inviteHash(secret);
    if (hash === undefined) return undefined;
    return this.#writer.write(async (transaction) => {
      const invite = await transaction.get(recordSubjects.invite(hash), inviteSchema);
      if (invite === undefined || invite.kind !== kind || invite.expiresAt <= Date.now()) return undefined;
      const subject = recordSubjects.invite(hash);
      if (invite.uses > 1) transaction.put(subject, { ...invite, uses: invite.uses - 1 }, secondsLeft(invite));
      else transaction.delete(subject);
      const { workspace, chat, relay } = invite;
      return { token: await createIn(transaction, tokenOf(invite)), workspace, chat, relay };
    });
  }
}

/** Enters an invite as it is, unless one of its hash is there. */
export async function enterInvite(transaction: Transaction, { hash, ...invite }: InviteRecord): Promise<void> {
  const subject = recordSubjects.invite(hash);
  if (invite.expiresAt <= Date.now() || (await transaction.get(subject, inviteSchema)) !== undefined) return;
  transaction.put(subject, invite, secondsLeft(invite));
  if (invite.kind === "agent") await knowIn(transaction, invite.workspace, invite.expiresAt);
}

function create(transaction: Transaction, secret: string, invite: Invite): void {
  transaction.create(recordSubjects.invite(inviteHash(secret) ?? ""), invite, secondsLeft(invite));
}

function secondsLeft({ expiresAt }: Invite): number {
  return (expiresAt - Date.now()) / 1_000;
}
