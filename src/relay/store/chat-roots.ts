import type Database from "libsql";
import { z } from "zod";
import { inTransaction, writeRelaxed } from "./database.js";

/**
 * How long a root that vanished is named as `removed` to clients that come back, in milliseconds. A client keeps its map
 * across reconnects for as long as its page is open; a week of that is generous.
 */
export const TOMBSTONE_MS = 7 * 24 * 60 * 60 * 1000;

const rootsSchema = z.array(z.object({ root: z.string() }));

/** Which repositories a chat showed before: a client that comes back is sent those that are gone, as removed. */
export class ChatRoots {
  readonly #db: Database.Database;
  readonly #write: (chat: string, present: readonly string[]) => void;

  constructor(db: Database.Database) {
    this.#db = db;
    const bury = db.prepare(
      `update chat_roots set gone_at = ? where chat = ? and gone_at is null
         and root not in (select value from json_each(?))`,
    );
    const show = db.prepare(
      `insert into chat_roots (chat, root, gone_at) values (?, ?, null)
       on conflict (chat, root) do update set gone_at = null where gone_at is not null`,
    );
    const forget = db.prepare("delete from chat_roots where chat = ? and gone_at < ?");
    this.#write = (chat, present) =>
      inTransaction(db, () => {
        const now = Date.now();
        bury.run(now, chat, JSON.stringify(present));
        for (const root of present) show.run(chat, root);
        forget.run(chat, now - TOMBSTONE_MS);
      });
  }

  /** Says that these are the chat's repositories now, and no others. */
  record(chat: string, present: readonly string[]): void {
    const known = new Set(this.present(chat));
    if (known.size === present.length && present.every((root) => known.has(root))) return;
    writeRelaxed(this.#db, () => this.#write(chat, present));
  }

  /** The repositories that the chat had when it was last watched. */
  present(chat: string): string[] {
    const rows = this.#db
      .prepare("select root from chat_roots where chat = ? and gone_at is null order by root")
      .all(chat);
    return rootsSchema.parse(rows).map(({ root }) => root);
  }

  /** The chat's repositories that vanished, less than {@link TOMBSTONE_MS} ago. */
  tombstones(chat: string): string[] {
    const rows = this.#db
      .prepare("select root from chat_roots where chat = ? and gone_at >= ? order by root")
      .all(chat, Date.now() - TOMBSTONE_MS);
    return rootsSchema.parse(rows).map(({ root }) => root);
  }
}
