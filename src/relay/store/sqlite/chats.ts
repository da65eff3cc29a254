import type Database from "libsql";
import { z } from "zod";
import { TreewireError } from "../../../util/index.js";
import type { Chat, ChatBinding, ChatChange, ChatPage, NamedChat } from "../records.js";
import { type Chats, PreconditionError } from "../store.js";

const rowSchema = z
  .object({
    id: z.string(),
    owner: z.string().nullable(),
    workspace: z.string().nullable(),
    paths: z.string().transform((text) => z.array(z.string()).parse(JSON.parse(text))),
    base: z.string(),
    parent: z.string().nullable(),
    title: z.string(),
    labels: z.string().transform((text) => z.record(z.string(), z.string()).parse(JSON.parse(text))),
    archived: z.int(),
    created_at: z.int(),
    updated_at: z.int(),
  })
  .transform(
    (row): Chat => ({
      id: row.id,
      owner: row.owner ?? undefined,
      workspace: row.workspace ?? undefined,
      paths: row.paths,
      base: row.base,
      parent: row.parent ?? undefined,
      title: row.title,
      labels: row.labels,
      archived: row.archived === 1,
      createdAt: new Date(row.created_at),
      updatedAt: new Date(row.updated_at),
    }),
  );

const countSchema = z.object({ count: z.int() });

/** So many chats may one workspace have before its agent makes no more of them. */
const MAX_NAMED_CHATS = 10_000;

/** {@link Chats} at rest, without waiting; what writes is called in a transaction. */
export class ChatTable {
  readonly #db: Database.Database;
  readonly #byId: Database.Statement;
  readonly #above: Database.Statement;
  readonly #describe: Database.Statement;
  readonly #archive: Database.Statement;

  constructor(db: Database.Database) {
    this.#db = db;
    this.#byId = db.prepare("select * from chats where id = ?");
    // `union` takes each chat once: this ends in a database that holds a circle, too
    this.#above = db.prepare(
      `with recursive above (id) as (
         select ?1 union select chats.parent from chats join above on chats.id = above.id where chats.parent is not null
       )
       select 1 from above where id = ?2`,
    );
    this.#describe = db.prepare(
      "update chats set title = coalesce(?, title), labels = coalesce(?, labels), updated_at = ? where id = ?",
    );
    this.#archive = db.prepare(
      `with recursive below (id) as (
         select ?1 union select chats.id from chats join below on chats.parent = below.id
       )
       update chats set archived = ?2, updated_at = ?3 where id in below and archived <> ?2`,
    );
  }

  get(id: string): Chat | undefined {
    const row = this.#byId.get(id);
    return row === undefined ? undefined : rowSchema.parse(row);
  }

  bind(binding: ChatBinding): Chat {
    const { chat: id, parent: parentId } = binding;
    const before = this.get(id);
    const parent = parentId === undefined ? undefined : this.get(parentId);
    if (parentId !== undefined && parent === undefined) {
      throw new TreewireError("TW_NO_SUCH_CHAT", `--parent ${parentId}`);
    }
    if (parentId !== undefined && this.#isBelow(parentId, id)) {
      throw new TreewireError("TW_BAD_USAGE", `--parent ${parentId}`, { detail: "a chat cannot be its own parent" });
    }
    this.#db
      .prepare(
        `insert into chats (id, owner, workspace, paths, base, parent, archived, created_at, updated_at)
           values (?, ?, ?, ?, ?, ?, ?, ?, ?)
           on conflict (id) do update set owner = excluded.owner, workspace = excluded.workspace,
             paths = excluded.paths, base = excluded.base, parent = excluded.parent, updated_at = excluded.updated_at`,
      )
      .run(
        id,
        binding.owner ?? before?.owner ?? parent?.owner ?? null,
        binding.workspace,
        JSON.stringify(binding.paths ?? []),
        binding.base ?? "",
        parentId ?? before?.parent ?? null,
        (before ?? parent)?.archived ? 1 : 0,
        Date.now(),
        Date.now(),
      );
    return rowSchema.parse(this.#byId.get(id));
  }

  /** Enters a chat as it is, unless one of its id is there. It has no parent when that is below it. */
  insert(chat: Chat): void {
    const parent = chat.parent === undefined || this.#isBelow(chat.parent, chat.id) ? null : chat.parent;
    this.#db
      .prepare(
        `insert or ignore into chats
           (id, owner, workspace, paths, base, parent, title, labels, archived, created_at, updated_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        chat.id,
        chat.owner ?? null,
        chat.workspace ?? null,
        JSON.stringify(chat.paths),
        chat.base,
        parent,
        chat.title,
        JSON.stringify(chat.labels),
        chat.archived ? 1 : 0,
        chat.createdAt.getTime(),
        chat.updatedAt.getTime(),
      );
  }

  bindNamed(binding: NamedChat): boolean {
    if (this.get(binding.chat) !== undefined) return false;
    const { count } = countSchema.parse(
      this.#db.prepare("select count(*) as count from chats where workspace = ?").get(binding.workspace),
    );
    if (count >= MAX_NAMED_CHATS) return false;
    this.bind(binding);
    return true;
  }

  list(owner?: string): Chat[] {
    const rows = this.#db
      .prepare("select * from chats where ?1 is null or owner = ?1 order by created_at, rowid")
      .all([owner ?? null]); // a lone null is taken for an object with names
    return z.array(rowSchema).parse(rows);
  }

  page({ owner, chat, archived, limit, offset }: ChatPage): Chat[] {
    const rows = this.#db
      .prepare(
        `select * from chats where (?1 is null or owner = ?1) and archived = ?2 and (?5 is null or id = ?5)
         order by created_at desc, rowid desc limit ?3 offset ?4`,
      )
      .all(owner ?? null, archived ? 1 : 0, limit, offset, chat ?? null);
    return z.array(rowSchema).parse(rows);
  }

  unbind(id: string): Chat | undefined {
    this.#db
      .prepare("update chats set workspace = null, paths = '[]', base = '', updated_at = ? where id = ?")
      .run(Date.now(), id);
    return this.get(id);
  }

  /** Whether a chat is another one, or somewhere below it. */
  #isBelow(id: string, above: string): boolean {
    return this.#above.get(id, above) !== undefined;
  }

  /** @param owner as long as it is theirs; `undefined`: whosever it is */
  update(id: string, { title, labels, archived }: ChatChange, owner?: string): void {
    const chat = this.get(id);
    if (chat === undefined || (owner !== undefined && chat.owner !== owner))
      throw new PreconditionError("no-such-chat");
    if (archived !== undefined) {
      if (chat.parent !== undefined) throw new PreconditionError("not-root");
      if (chat.archived === archived) throw new PreconditionError(archived ? "already-archived" : "not-archived");
      this.#archive.run(id, archived ? 1 : 0, Date.now());
    }
    if (title !== undefined || labels !== undefined) {
      this.#describe.run(title ?? null, labels === undefined ? null : JSON.stringify(labels), Date.now(), id);
    }
  }
}
