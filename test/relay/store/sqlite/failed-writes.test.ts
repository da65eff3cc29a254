// What tables hold of a database whose transactions fail at some point.
import type Database from "libsql";
import t from "tap";
import { ChatRootTable } from "../../../../src/relay/store/sqlite/chat-roots.js";
import { RelaxedChatRoots } from "../../../../src/relay/store/sqlite/relaxed-roots.js";
import { RelaxedTreeStates } from "../../../../src/relay/store/sqlite/relaxed-trees.js";
import { TreeStateTable } from "../../../../src/relay/store/sqlite/tree-states.js";
import { metaOf } from "../../support/fake-agent.js";
import { openLockable } from "./lockable.js";

const rootsOf = (count: number) => Array.from({ length: count }, (_, at) => `/${at}`);
const treeOf = (root: string, seq = 1) => ({ root, epoch: "epoch-1-", seq, meta: metaOf(), files: [] });

/** Has one transaction fail at its begin or its end. @param number of those of its kind, from here on */
function failAt(db: Database.Database, statement: "begin immediate" | "commit", number: number, code: string): void {
  const exec = db.exec.bind(db);
  let seen = 0;
  db.exec = (sql: string) => {
    if (sql !== statement || ++seen !== number) return exec(sql);
    throw Object.assign(new Error(code), { code });
  };
}

t.test("a list whose commit fails is not taken for one that is written", async (t) => {
  const { db, other } = openLockable(t);
  const table = new ChatRootTable(db, 1_000);
  table.record("w", "chat", ["/a"]);
  t.equal(table.rowCount("w"), 1);
  failAt(db, "commit", 1, "SQLITE_FULL");
  t.throws(() => table.record("w", "chat", ["/b", "/c"]), { code: "SQLITE_FULL" });
  t.same([table.present("chat"), table.rowCount("w")], [["/a"], 1]);
  table.record("w", "chat", ["/b", "/c"]);
  t.same([table.present("chat"), table.rowCount("w")], [["/b", "/c"], 3]);
  t.match(other.prepare("select present from chat_roots").get(), { present: '["/b","/c"]' });
});

t.test("what could not be let go behind a write is let go when that is tried again", async (t) => {
  const { db, clock, writer } = openLockable(t);
  const table = new ChatRootTable(db, 10);
  const roots = new RelaxedChatRoots(table, writer);
  roots.record("w", "old", rootsOf(8));
  failAt(db, "begin immediate", 2, "SQLITE_BUSY");
  roots.record("w", "new", rootsOf(6));
  t.equal(table.rowCount("w"), 14);
  await clock.advance(1_000);
  t.same([writer.waitingCount, table.present("new"), table.rowCount("w")], [0, rootsOf(6), 9]);
});

t.test(
  "a state that is saved stays, although an older deletion of it waits and others could not be let go",
  async (t) => {
    const { db, clock, writer, other } = openLockable(t);
    const all = new TreeStateTable(db, { rows: 1_000, bytes: 1e9 });
    for (const root of ["/a", "/b", "/c"]) await all.save("w", treeOf(root), () => false);
    const trees = new RelaxedTreeStates(new TreeStateTable(db, { rows: 2, bytes: 1e9 }), writer);
    other.exec("begin immediate");
    trees.delete("w", "/c");
    other.exec("rollback");
    failAt(db, "begin immediate", 2, "SQLITE_BUSY");
    await t.rejects(trees.save("w", treeOf("/c", 2), () => false));
    await clock.advance(1_000);
    t.same(
      trees.heads("w", 9).find(({ root }) => root === "/c"),
      { root: "/c", epoch: "epoch-1-", seq: 2 },
    );
  },
);
