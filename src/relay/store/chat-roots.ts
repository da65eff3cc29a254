import type Database from "libsql";
import { z } from "zod";
import { MAX_TREES } from "../../protocol/index.js";
import { inTransaction, writeRelaxed } from "./database.js";
import { RowCount } from "./row-count.js";

/**
 * How long a root that vanished is named as `removed` to clients that come back, in milliseconds. A client keeps its map
 * across reconnects for as long as its page is open; a week of that is generous.
 */
export const TOMBSTONE_MS = 7 * 24 * 60 * 60 * 1000;

/** What a chat has and had, at most. The oldest of what it had goes first. */
const MAX_ROWS = MAX_TREES;

/** What is named as `removed` goes out in one frame: so many characters of roots, the latest ones. */
export const MAX_TOMBSTONE_UNITS = 2 * 1024 * 1024;

const rootsSchema = z.array(z.object({ root: z.string() }));
const countSchema = z.object({ rows: z.int() });

/** Some of a chat's roots that come, and some that are gone. */
export interface RootsPart {
  shown: readonly string[];
  gone: readonly string[];
}

/** Which repositories a chat showed before: a client that comes back is sent those that are gone, as removed. */
export class ChatRoots {
  readonly #db: Database.Database;
  readonly #write: (workspace: string, chat: string, present: readonly string[]) => void;
  readonly #bury: (workspace: string, chat: string, root: string) => void;
  readonly #trimPart: (workspace: string, chat: string, most: number) => boolean;
  readonly #recordPart: (workspace: string, chat: string, part: RootsPart) => void;
  readonly #count: RowCount;

  /** @param maxRows of all chats of one workspace; the oldest go, those that are gone first */
  constructor(db: Database.Database, maxRows: number) {
    this.#db = db;
    const count = db.prepare("select count(*) as rows from chat_roots where workspace = ?");
    const limit = { rows: maxRows, bytes: Number.POSITIVE_INFINITY };
    this.#count = new RowCount(limit, (workspace) => ({ ...countSchema.parse(count.get(workspace)), bytes: 0 }));
    const buryAll = db.prepare(
      `update chat_roots set gone_at = ?1, changed_at = ?1, workspace = ?2 where chat = ?3 and gone_at is null
         and root not in (select value from json_each(?4))`,
    );
    const buryOne = db.prepare(
      `update chat_roots set gone_at = ?1, changed_at = ?1, workspace = ?2
         where chat = ?3 and root = ?4 and gone_at is null`,
    );
    const show = db.prepare(
      `insert into chat_roots (chat, root, gone_at, workspace, changed_at) values (?, ?, null, ?, ?)
       on conflict (chat, root) do update set gone_at = null, workspace = excluded.workspace,
         changed_at = excluded.changed_at where gone_at is not null or workspace <> excluded.workspace`,
    );
    const forget = db.prepare("delete from chat_roots where chat = ? and gone_at < ?");
    const forgetOfChat = db.prepare(
      `delete from chat_roots where chat = ?1 and root in (
         select root from chat_roots where chat = ?1 and gone_at is not null order by gone_at desc, root
         limit -1 offset max(0, ?2 - (select count(*) from chat_roots where chat = ?1 and gone_at is null)))`,
    );
    const forgetOfWorkspace = db.prepare(
      `delete from chat_roots where (chat, root) in (
         select chat, root from chat_roots where workspace = ? order by gone_at is null, changed_at, root limit ?)`,
    );
    const trim = (workspace: string, chat: string, now: number) => {
      forget.run(chat, now - TOMBSTONE_MS);
      forgetOfChat.run(chat, MAX_ROWS);
      this.#count.forget(workspace);
      const excess = this.#count.excess(workspace);
      if (excess === undefined) return;
      forgetOfWorkspace.run(workspace, excess.rows);
      this.#count.forget(workspace);
    };
    this.#write = (workspace, chat, present) =>
      inTransaction(db, () => {
        const now = Date.now();
        buryAll.run(now, workspace, chat, JSON.stringify(present));
        for (const root of present) show.run(chat, root, workspace, now);
        trim(workspace, chat, now);
      });
    const countOfChat = db.prepare("select count(*) as rows from chat_roots where chat = ?");
    const insertGone = db.prepare(
      `insert into chat_roots (chat, root, gone_at, workspace, changed_at) values (?1, ?2, ?3, ?4, ?3)
       on conflict (chat, root) do update set gone_at = excluded.gone_at, workspace = excluded.workspace,
         changed_at = excluded.changed_at where gone_at is null`,
    );
    const trimGone = db.prepare(
      `delete from chat_roots where chat = ?1 and root in (
         select root from chat_roots where chat = ?1 and gone_at is not null order by gone_at, root desc limit ?2)`,
    );
    this.#recordPart = (workspace, chat, { shown, gone }) =>
      inTransaction(db, () => {
        const now = Date.now();
        for (const root of gone) insertGone.run(chat, root, now, workspace);
        for (const root of shown) show.run(chat, root, workspace, now);
        this.#count.forget(workspace);
      });
    const forgetSome = db.prepare(
      `delete from chat_roots where chat = ?1 and root in (
         select root from chat_roots where chat = ?1 and gone_at < ?2 limit ?3)`,
    );
    this.#trimPart = (workspace, chat, most) => {
      if (forgetSome.run(chat, Date.now() - TOMBSTONE_MS, most).changes > 0) {
        this.#count.forget(workspace);
        return true;
      }
      const ofChat = countSchema.parse(countOfChat.get(chat)).rows - MAX_ROWS;
      if (ofChat > 0 && trimGone.run(chat, Math.min(ofChat, most)).changes > 0) {
        this.#count.forget(workspace);
        return true;
      }
      const ofWorkspace = this.#count.excess(workspace)?.rows ?? 0;
      if (ofWorkspace <= 0) return false;
      const { changes } = forgetOfWorkspace.run(workspace, Math.min(ofWorkspace, most));
      this.#count.forget(workspace);
      return changes > 0 && ofWorkspace > most;
    };
    this.#bury = (workspace, chat, root) => buryOne.run(Date.now(), workspace, chat, root);
  }

  /** Says that these are the chat's repositories now, and no others. @param workspace whose chat it is at present */
  record(workspace: string, chat: string, present: readonly string[]): void {
    const known = new Set(this.present(chat));
    if (known.size === present.length && present.every((root) => known.has(root))) return;
    writeRelaxed(this.#db, () => this.#write(workspace, chat, present));
  }

  /** Says a part of how a chat's repositories differ from what was said before. */
  recordPart(workspace: string, chat: string, part: RootsPart): void {
    this.#recordPart(workspace, chat, part);
  }

  /** Lets the oldest rows go that are too many. @param most at most so many @returns whether there are more */
  trimPart(workspace: string, chat: string, most: number): boolean {
    return this.#trimPart(workspace, chat, most);
  }

  /** Says that one of the chat's repositories is gone. */
  bury(workspace: string, chat: string, root: string): void {
    writeRelaxed(this.#db, () => this.#bury(workspace, chat, root));
  }

  /** How many rows the chats of a workspace have. */
  rowCount(workspace: string): number {
    return this.#count.of(workspace).rows;
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
      .prepare(
        `select root from (
           select root, sum(length(root)) over (order by gone_at desc, root) as units from chat_roots
           where chat = ? and gone_at >= ?
         ) where units <= ? order by root`,
      )
      .all(chat, Date.now() - TOMBSTONE_MS, MAX_TOMBSTONE_UNITS);
    return rootsSchema.parse(rows).map(({ root }) => root);
  }
}
