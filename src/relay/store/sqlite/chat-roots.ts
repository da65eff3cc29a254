import type Database from "libsql";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { type ChatList, goneSchema, isSameList, listAfter, rowsIn, tombstonesOf, unitsIn } from "../chat-list.js";
import { writeRelaxed } from "./database.js";
import { RowCount } from "./row-count.js";

/** Lists that were read or written last are kept, of so many characters: clients come back as often as they like. */
const MAX_KEPT_UNITS = 4 * 1024 * 1024;

const json = <T>(schema: z.ZodType<T>) => z.string().transform((text): T => schema.parse(JSON.parse(text)));
const listSchema = z.object({ workspace: z.string(), present: json(z.array(z.string())), gone: json(goneSchema) });
const countSchema = z.object({ rows: z.int() });
const versionSchema = z.object({ data_version: z.int() });
const chatsSchema = z.array(z.object({ chat: z.string() }));

/**
 * Which repositories a chat showed before: a client that comes back is sent those that are gone, as removed. All of a chat's
 * are one row of the table: an agent may name thousands, others each time, and a row for each costs the disk a hundred
 * times as much.
 */
export class ChatRootTable {
  readonly #db: Database.Database;
  readonly #load: Database.Statement;
  readonly #save: Database.Statement;
  readonly #delete: Database.Statement;
  readonly #oldest: Database.Statement;
  readonly #version: Database.Statement;
  readonly #count: RowCount;
  #keptVersion = 0;
  readonly #kept = new LRUCache<string, ChatList>({
    maxSize: MAX_KEPT_UNITS,
    sizeCalculation: (list) => 1 + unitsIn(list),
  });

  /** @param maxRoots of all chats of one workspace; the oldest go, those that are gone first */
  constructor(db: Database.Database, maxRoots: number) {
    this.#db = db;
    this.#load = db.prepare("select workspace, present, gone from chat_roots where chat = ?");
    this.#save = db.prepare(
      `insert or replace into chat_roots (chat, workspace, changed_at, roots, present, gone)
         values (?, ?, ?, ?, ?, ?)`,
    );
    this.#delete = db.prepare("delete from chat_roots where chat = ?");
    this.#oldest = db.prepare("select chat from chat_roots where workspace = ? order by changed_at");
    this.#version = db.prepare("pragma data_version");
    const count = db.prepare("select coalesce(sum(roots), 0) as rows from chat_roots where workspace = ?");
    const limit = { rows: maxRoots, bytes: Number.POSITIVE_INFINITY };
    this.#count = new RowCount(limit, (workspace) => ({ ...countSchema.parse(count.get(workspace)), bytes: 0 }));
  }

  /**
   * Says that these are the chat's repositories now, and no others.
   *
   * @param workspace whose chat it is at present
   * @param between what the chat had since it was last asked or told
   */
  record(workspace: string, chat: string, present: readonly string[], between: Iterable<string> = []): void {
    const known = this.#list(chat);
    const now = Date.now();
    const list = listAfter(known, { workspace, present, between }, now);
    if (known === undefined || !isSameList(known, list)) {
      this.#change([workspace, known?.workspace ?? workspace], () => this.#write(chat, list, known, now));
    }
    this.#trim(workspace, chat); // also what an earlier one left, which met a lock
  }

  /** Says that one of the chat's repositories is gone. */
  bury(workspace: string, chat: string, root: string): void {
    const present = this.present(chat);
    if (!present.includes(root)) return;
    this.record(
      workspace,
      chat,
      present.filter((other) => other !== root),
    );
  }

  /** How many roots the chats of a workspace have and had. */
  rowCount(workspace: string): number {
    return this.#count.of(workspace).rows;
  }

  /** How long all that is kept of a chat is, in characters of roots. */
  unitsOf(chat: string): number {
    const list = this.#list(chat);
    return list === undefined ? 0 : unitsIn(list);
  }

  /** The repositories that the chat had when it was last watched, ascending. */
  present(chat: string): string[] {
    return [...(this.#list(chat)?.present ?? [])];
  }

  /** The chat's repositories that vanished, as long as they are remembered, ascending. */
  tombstones(chat: string): readonly string[] {
    return tombstonesOf(this.#list(chat), Date.now());
  }

  #list(chat: string): ChatList | undefined {
    const { data_version: version } = versionSchema.parse(this.#version.get());
    if (version !== this.#keptVersion) this.#kept.clear(); // another connection has written
    this.#keptVersion = version;
    const kept = this.#kept.get(chat);
    if (kept !== undefined) return kept;
    const row = this.#load.get(chat);
    if (row === undefined) return undefined;
    const { gone, ...rest } = listSchema.parse(row);
    const list = { ...rest, gone: new Map(gone) };
    this.#kept.set(chat, list);
    return list;
  }

  /** Does writes of these workspaces' chats, all or none. */
  #change(workspaces: Iterable<string>, change: () => void): void {
    let isBegun = false;
    try {
      writeRelaxed(this.#db, () => {
        isBegun = true;
        change();
      });
    } catch (thrown) {
      if (!isBegun) throw thrown;
      this.#kept.clear(); // what it has noted has not happened
      for (const workspace of workspaces) this.#count.forget(workspace);
      throw thrown;
    }
  }

  #write(chat: string, list: ChatList, before: ChatList | undefined, now: number): void {
    const { workspace, present, gone } = list;
    const roots = rowsIn(list);
    this.#kept.delete(chat);
    this.#save.run(chat, workspace, now, roots, JSON.stringify(present), JSON.stringify([...gone]));
    this.#kept.set(chat, list);
    if (before !== undefined && before.workspace !== workspace) this.#count.forget(before.workspace);
    const rootsBefore = before?.workspace === workspace ? rowsIn(before) : 0;
    this.#count.add(workspace, { rows: roots - rootsBefore, bytes: 0 });
  }

  /** Lets the oldest go of what a workspace has too much: of what its chats had, then of what others of them have. */
  #trim(workspace: string, chat: string): void {
    let left = this.#count.excess(workspace)?.rows ?? 0;
    if (left <= 0) return;
    const chats = chatsSchema.parse(this.#oldest.all(workspace)).map((row) => row.chat);
    const others = chats.filter((other) => other !== chat);
    this.#change([workspace], () => {
      for (const each of chats) left -= this.#cut(each, left, "gone");
      for (const each of [...others, chat]) left -= this.#cut(each, left, "present");
    });
    this.#count.forget(workspace);
  }

  /** @returns how many roots of a chat went, at most `most` */
  #cut(chat: string, most: number, what: "gone" | "present"): number {
    const list = most > 0 ? this.#list(chat) : undefined;
    if (list === undefined) return 0;
    const cut = {
      workspace: list.workspace,
      present: what === "present" ? list.present.slice(most) : list.present,
      gone: what === "gone" ? new Map([...list.gone].slice(most)) : list.gone,
    };
    const count = list.present.length - cut.present.length + list.gone.size - cut.gone.size;
    if (count === 0) return 0;
    if (cut.present.length + cut.gone.size > 0) this.#write(chat, cut, list, Date.now());
    else {
      this.#kept.delete(chat);
      this.#delete.run(chat);
    }
    return count;
  }
}
