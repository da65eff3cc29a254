import { chmodSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { z } from "zod";
import { messageOf, TreewireError } from "../../../util/index.js";
import { DATABASE_FILE } from "./directory.js";

/** How long the connection waits for another process that writes, in milliseconds; whoever opens it may change that. */
const OPEN_TIMEOUT_MS = 5_000;

const versionSchema = z.object({ user_version: z.int() });

/**
 * Each entry brings the schema from the version of its position to the next. Entries are never changed once released.
 * Exported for tests, which make databases of earlier versions with the first ones.
 */
export const MIGRATIONS: readonly string[] = [
  `create table tokens (
     id text primary key,
     kind text not null check (kind in ('agent', 'client')),
     secret_hash blob not null,
     workspace text,
     user text,
     admin integer not null default 0,
     created_at integer not null,
     expires_at integer,
     revoked_at integer
   ) strict;
   create index tokens_workspace on tokens (workspace) where kind = 'agent';
   create table chats (
     id text primary key,
     owner text,
     workspace text,
     paths text not null default '[]',
     parent text references chats (id),
     archived integer not null default 0,
     created_at integer not null,
     updated_at integer not null
   ) strict;
   create index chats_parent on chats (parent) where parent is not null;
   create table chat_roots (
     chat text not null,
     root text not null,
     gone_at integer,
     primary key (chat, root)
   ) strict, without rowid;`,
  `create table files (
     id text primary key,
     organization text not null,
     owner text not null,
     name text not null,
     type text not null,
     size integer not null,
     digest text not null,
     created_at integer not null
   ) strict;
   create index files_digest on files (digest);`,
  `create table trees (
     workspace text not null,
     root text not null,
     epoch text not null,
     seq integer not null,
     state blob not null,
     saved_at integer not null,
     primary key (workspace, root)
   ) strict;`,
  // chats come and go: what one workspace may keep is counted by the workspace, and the oldest goes
  `alter table chat_roots add column workspace text not null default '';
   alter table chat_roots add column changed_at integer not null default 0;
   create index chat_roots_workspace on chat_roots (workspace, changed_at);`,
  // which tokens and chats were changed, by whatever process, in order; a row of 65,536 bytes that is written to try the disk
  `create table changes (
     number integer primary key,
     kind text not null check (kind in ('token', 'chat')),
     id text not null
   ) strict;
   create trigger changes_bounded after insert on changes begin
     delete from changes where number <= new.number - 10000;
   end;
   create trigger tokens_updated after update on tokens begin
     insert into changes (kind, id) values ('token', new.id);
   end;
   create trigger tokens_deleted after delete on tokens begin
     insert into changes (kind, id) values ('token', old.id);
   end;
   create trigger chats_inserted after insert on chats begin
     insert into changes (kind, id) values ('chat', new.id);
   end;
   create trigger chats_updated after update on chats begin
     insert into changes (kind, id) values ('chat', new.id);
   end;
   create trigger chats_deleted after delete on chats begin
     insert into changes (kind, id) values ('chat', old.id);
   end;
   create table probe (
     id integer primary key check (id = 1),
     bytes blob not null
   ) strict;`,
  // what the files of each owner and organization use up, kept by the database itself: a budget is asked at each upload
  `create table file_usage (
     scope text not null check (scope in ('owner', 'organization')),
     name text not null,
     bytes integer not null,
     primary key (scope, name)
   ) strict, without rowid;
   insert into file_usage select 'owner', owner, sum(max(size, 4096)) from files group by owner;
   insert into file_usage select 'organization', organization, sum(max(size, 4096)) from files group by organization;
   create trigger file_added after insert on files begin
     insert into file_usage values ('owner', new.owner, max(new.size, 4096)),
       ('organization', new.organization, max(new.size, 4096))
       on conflict do update set bytes = bytes + excluded.bytes;
   end;
   create trigger file_deleted after delete on files begin
     update file_usage set bytes = bytes - max(old.size, 4096)
       where (scope, name) in (values ('owner', old.owner), ('organization', old.organization));
     delete from file_usage where bytes = 0
       and (scope, name) in (values ('owner', old.owner), ('organization', old.organization));
   end;`,
  // what its agent said of secrets, when the state was sent; what was stored before anybody said so may hold some
  `delete from trees;
   alter table trees add column secrets text;`,
  // a session, which a browser was given for a token, counts as long as that token does
  `alter table tokens add column parent text;`,
  // all roots of a chat are one row: a row for each, others each time, cost the disk a hundred times as much
  `create table chat_lists (
     chat text primary key,
     workspace text not null,
     changed_at integer not null,
     roots integer not null,
     present text not null,
     gone text not null
   ) strict;
   insert into chat_lists
     select chat, max(workspace), max(changed_at), count(*),
       json_group_array(root) filter (where gone_at is null),
       json_group_array(json_array(root, gone_at)) filter (where gone_at is not null)
     from (select * from chat_roots order by chat, gone_at, root) group by chat;
   drop table chat_roots;
   alter table chat_lists rename to chat_roots;
   create index chat_roots_workspace on chat_roots (workspace, changed_at);`,
  // invites, of which each is traded for a token or a session; a session of theirs has no token above it
  `create table invites (
     hash text primary key,
     kind text not null check (kind in ('agent', 'view')),
     workspace text not null,
     chat text not null,
     owner text not null,
     relay text not null,
     uses integer not null,
     expires_at integer not null
   ) strict, without rowid;
   create index invites_workspace on invites (workspace);
   alter table tokens add column is_session integer not null default 0;
   update tokens set is_session = 1 where parent is not null;`,
  `alter table chats add column title text not null default '';
   alter table chats add column labels text not null default '{}';`,
  // the ref that a chat's trees are compared with as their base
  `alter table chats add column base text not null default '';`,
  // what an invite was traded for sees the chat of its invite alone; its workspace was made with that chat
  `alter table tokens add column chat text;
   update tokens set chat = coalesce(
       (select id from chats where chats.workspace = tokens.workspace order by created_at, rowid limit 1), '')
     where is_session = 1 and parent is null;
   update tokens set chat = (select chat from tokens above where above.id = tokens.parent) where parent is not null;`,
  // a change of a token is one of every session that hangs on it
  `create index tokens_parent on tokens (parent) where parent is not null;`,
];

/**
 * Opens the relay's database in WAL mode, so that the commands read and write while `relay serve` runs, and brings its
 * schema up to date.
 *
 * @param directory one that exists, absolute
 * @throws TreewireError `TW_DATA_DIR` when it cannot be opened or understood
 */
export function openDatabase(directory: string): Database.Database {
  try {
    const path = join(directory, DATABASE_FILE);
    const db = new Database(path);
    chmodSync(path, 0o600);
    db.pragma(`busy_timeout = ${OPEN_TIMEOUT_MS}`);
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL"); // what was acknowledged survives a power cut
    db.pragma("foreign_keys = ON");
    migrate(db);
    return db;
  } catch (thrown) {
    if (thrown instanceof TreewireError) throw thrown;
    throw new TreewireError("TW_DATA_DIR", directory, { detail: messageOf(thrown), cause: thrown });
  }
}

/**
 * Does all of a job's writes or none. The binding's own transactions roll back what SQLite has rolled back already (a full
 * disk does that), and throw away the error that says why.
 *
 * @returns what the job returns @throws what it throws, or SQLite
 */
export function inTransaction<T>(db: Database.Database, job: () => T): T {
  db.exec("begin immediate");
  try {
    const result = job();
    db.exec("commit");
    return result;
  } catch (thrown) {
    if (db.inTransaction) db.exec("rollback");
    throw thrown;
  }
}

/**
 * Does a job without waiting for the disk, which takes milliseconds in which nothing else runs: what may be lost in a power cut
 * (not in a crash of the process), because agents send it again, or what is synced before it is acknowledged (wal-sync.ts).
 *
 * @returns what `job` returns @throws what it throws
 */
export function withoutSync<T>(db: Database.Database, job: () => T): T {
  db.pragma("synchronous = NORMAL");
  try {
    return job();
  } finally {
    db.pragma("synchronous = FULL");
  }
}

/**
 * Writes all or nothing, without waiting for the disk. A single statement needs the transaction as well: the binding leaves
 * one that meets a lock begun, and all that is read from then on is as it was at that moment.
 *
 * @returns what `write` returns @throws what it throws, or SQLite, also once `write` has run: then nothing is written
 */
export function writeRelaxed<T>(db: Database.Database, write: () => T): T {
  return withoutSync(db, () => inTransaction(db, write));
}

function migrate(db: Database.Database): void {
  const version = () => versionSchema.parse(db.prepare("pragma user_version").get()).user_version;
  if (version() === MIGRATIONS.length) return;
  // two commands may open a new directory at the same moment: the second finds the work done
  inTransaction(db, () => {
    const from = version();
    if (from > MIGRATIONS.length) throw new Error(`the database was written by a later version (schema ${from})`);
    for (const step of MIGRATIONS.slice(from)) db.exec(step);
    db.exec(`pragma user_version = ${MIGRATIONS.length}`);
  });
}
