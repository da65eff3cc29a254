import { join } from "node:path";
import Database from "libsql";
import t from "tap";
import { ChatRootTable } from "../../../../src/relay/store/sqlite/chat-roots.js";
import { MIGRATIONS, openDatabase } from "../../../../src/relay/store/sqlite/database.js";
import { tempDir } from "../../../support/temp.js";

t.test("the roots that a chat has and had are the same after the table has become another one", async (t) => {
  const dir = tempDir(t);
  const version = MIGRATIONS.findIndex((step) => step.includes("create table chat_lists"));
  const db = new Database(join(dir, "treewire.db"));
  for (const step of MIGRATIONS.slice(0, version)) db.exec(step);
  db.exec(`pragma user_version = ${version}`);
  const insert = db.prepare(
    "insert into chat_roots (chat, root, gone_at, workspace, changed_at) values (?, ?, ?, ?, ?)",
  );
  const now = Date.now();
  insert.run("one", '/a "quoted"', null, "workspace", now);
  insert.run("one", "/ü", null, "workspace", now);
  insert.run("one", "/late", now - 1_000, "workspace", now);
  insert.run("one", "/early", now - 9_000, "workspace", now);
  insert.run("only gone", "/x", now - 1_000, "workspace", now);
  insert.run("only there", "/y", null, "other", now);
  db.close();

  const after = openDatabase(dir);
  t.teardown(() => after.close());
  const roots = new ChatRootTable(after, 3);
  t.same(
    [roots.present("one"), roots.tombstones("one")],
    [
      ['/a "quoted"', "/ü"],
      ["/early", "/late"],
    ],
  );
  t.same([roots.present("only gone"), roots.tombstones("only gone")], [[], ["/x"]]);
  t.same([roots.present("only there"), roots.tombstones("only there")], [["/y"], []]);
  t.same([roots.rowCount("workspace"), roots.rowCount("other")], [5, 1]);
  roots.record("workspace", "two", ["/z"]);
  t.notOk(roots.tombstones("one").includes("/early"), "the oldest goes first");
  t.same(roots.present("two"), ["/z"]);
});
