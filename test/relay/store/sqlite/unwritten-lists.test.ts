// Lists of chats that the database has not taken yet: whose they are when there are too many, and what is left of them.
import t from "tap";
import { ChatRootTable } from "../../../../src/relay/store/sqlite/chat-roots.js";
import { RelaxedChatRoots } from "../../../../src/relay/store/sqlite/relaxed-roots.js";
import fc from "../../../support/fast-check.js";
import type { Cleanup } from "../../../support/temp.js";
import { openLockable } from "./lockable.js";

/** Counts how often a chat's row is asked for its length. */
class CountingTable extends ChatRootTable {
  asked = 0;

  override unitsOf(chat: string): number {
    this.asked += 1;
    return super.unitsOf(chat);
  }
}

const rootsOf = (count: number, mark: string, units = 8): string[] =>
  Array.from({ length: count }, (_, at) => `/${mark}${at}`.padEnd(units, "."));

/** Lists over a real database, which a second connection can lock. */
function open(t: Cleanup) {
  const { db, clock, writer, other } = openLockable(t);
  const table = new CountingTable(db, 1_000_000);
  const roots = new RelaxedChatRoots(table, writer);
  const written = () => new ChatRootTable(db, 1_000_000);
  const settle = async () => {
    for (let at = 0; at < 1_000 && writer.waitingCount > 0; at += 1) await clock.advance(5_000);
    return writer.waitingCount === 0;
  };
  return { db, clock, writer, table, roots, other, written, settle };
}

t.test("who says thousands of lists loses of them, and nobody else does", async () => {
  const honest = fc.array(fc.record({ count: fc.integer({ min: 1, max: 3_000 }), at: fc.nat(120) }), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(honest, fc.integer({ min: 1_000, max: 9_000 }), async (parties, count) => {
      const teardowns: (() => unknown)[] = [];
      const { roots, other, written, settle } = open({ teardown: (run) => void teardowns.push(run) });
      const lists = parties.map((party, at) => ({
        at: party.at,
        chat: `c${at}`,
        list: rootsOf(party.count, `h${at}-`).sort(),
      }));
      other.exec("begin immediate");
      for (let turn = 0; turn <= 120; turn += 1) {
        for (const { at, chat, list } of lists) if (at === turn) roots.record(`of ${chat}`, chat, list);
        roots.record("hostile", `x${turn % 30}`, rootsOf(count, `${turn}-`));
      }
      other.exec("rollback");
      const isWritten = await settle();
      const table = written();
      const isThere = lists.every(({ chat, list }) => JSON.stringify(table.present(chat)) === JSON.stringify(list));
      for (const run of teardowns.reverse()) run();
      return isWritten && isThere;
    }),
    { numRuns: 8 },
  );
});

t.test("what is shown of more chats than can wait is what is written in the end, and can be changed", async (t) => {
  const { roots, other, written, settle } = open(t);
  const chats = Array.from({ length: 10_200 }, (_, at) => `chat ${at}`);
  other.exec("begin immediate");
  for (const chat of chats) roots.record(`workspace ${chat}`, chat, ["/a", "/b"]);
  const shown = new Map(chats.map((chat) => [chat, roots.present(chat)]));
  const kept = chats.filter((chat) => shown.get(chat)?.length === 2);
  t.ok(kept.length > 5_000 && kept.length <= 10_000, `${kept.length} wait`);
  other.exec("rollback");
  t.ok(await settle());
  let table = written();
  t.same(
    chats.filter((chat) => String(table.present(chat)) !== String(shown.get(chat))),
    [],
  );
  roots.bury("workspace chat 0", "chat 0", "/a");
  roots.bury("workspace chat 10199", "chat 10199", "/a");
  t.ok(await settle());
  table = written();
  t.same([table.present("chat 0"), table.present("chat 10199")], [roots.present("chat 0"), ["/b"]]);
});

t.test("short lists wait for no long ones when the store takes writes again", async (t) => {
  const { clock, roots, writer, other, written } = open(t);
  other.exec("begin immediate");
  roots.record("w", "long", rootsOf(5_000, "l"));
  for (let at = 0; at < 500; at += 1) roots.record("w", `short ${at}`, ["/a"]);
  t.ok(writer.isBehind);
  other.exec("rollback");
  await clock.advance(300); // the lock is tried again after 200 ms, and then turn follows turn
  t.notOk(writer.isBehind);
  const table = written();
  t.same(
    Array.from({ length: 500 }, (_, at) => table.present(`short ${at}`)).filter(([root]) => root !== "/a"),
    [],
  );
});

t.test("a list that cannot be written is not shown in place of the one that is", async (t) => {
  const { db, roots, written, settle } = open(t);
  roots.record("w", "chat", ["/a"]);
  db.exec(
    "create trigger refuse before insert on chat_roots when new.roots > 4000 begin select raise(abort, 'no'); end",
  );
  roots.record("w", "chat", rootsOf(5_000, "l"));
  t.equal(roots.present("chat").length, 5_000);
  t.ok(await settle());
  t.same([roots.present("chat"), written().present("chat")], [["/a"], ["/a"]]);
  roots.record("w", "chat", ["/b"]);
  t.same([roots.present("chat"), written().present("chat"), roots.tombstones("chat")], [["/b"], ["/b"], ["/a"]]);
});

t.test("while a list waits, what is said of it costs no look at the row", async (t) => {
  const { roots, writer, table, other, written, settle } = open(t);
  for (const chat of ["one", "two"]) roots.record("w", chat, rootsOf(5_000, chat, 300));
  t.ok(await settle());
  const lists = new Map<string, string[]>();
  for (const isLocked of [true, false]) {
    if (isLocked) other.exec("begin immediate");
    table.asked = 0;
    for (let at = 0; at < 100; at += 1) {
      for (const chat of ["one", "two"]) {
        lists.set(chat, at % 2 === 0 ? [] : [`/${at}`]);
        roots.record("w", chat, lists.get(chat) ?? []);
      }
    }
    t.ok(table.asked <= 8, `${table.asked} looks`);
    if (isLocked) other.exec("rollback");
    t.ok(await settle());
    for (const [chat, list] of lists) t.same(written().present(chat), list);
  }
  t.equal(writer.waitingCount, 0);
});

t.test(
  "a damaged row is said by whoever meets it, and leaves nothing behind that is shown and not written",
  async (t) => {
    const { roots, writer, other, written, settle } = open(t);
    roots.record("w", "chat", ["/a"]);
    other.exec("update chat_roots set present = '{' where chat = 'chat'");
    other.exec("begin immediate");
    roots.record("w", "other", ["/b"]);
    t.throws(() => roots.record("w", "chat", ["/c"]));
    t.equal(writer.waitingCount, 1);
    other.exec("rollback");
    other.exec(`update chat_roots set present = '["/a"]' where chat = 'chat'`);
    t.same(roots.present("chat"), ["/a"]);
    t.ok(await settle());
    t.same(written().present("chat"), ["/a"]);
  },
);
