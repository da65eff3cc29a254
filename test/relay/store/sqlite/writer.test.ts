import { renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ChatRootTable } from "../../../../src/relay/store/sqlite/chat-roots.js";
import { inTransaction, openDatabase, withoutSync } from "../../../../src/relay/store/sqlite/database.js";
import { RelaxedChatRoots } from "../../../../src/relay/store/sqlite/relaxed-roots.js";
import { RelaxedTreeStates } from "../../../../src/relay/store/sqlite/relaxed-trees.js";
import { TreeStateTable } from "../../../../src/relay/store/sqlite/tree-states.js";
import { walSync } from "../../../../src/relay/store/sqlite/wal-sync.js";
import { StoreUnavailableError, troubleOf } from "../../../../src/relay/store/trouble.js";
import { createLogger } from "../../../../src/util/index.js";
import fc from "../../../support/fast-check.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";
import { until } from "../../../support/until.js";
import { metaOf } from "../../support/fake-agent.js";
import { openLockable } from "./lockable.js";

const OWN = { owner: "w" };

/** A writer over a real database, which a second connection can lock. */
function open(t: Cleanup, sync?: () => Promise<void>) {
  const lines: string[] = [];
  const log = createLogger("test", "info", { write: (line) => lines.push(line) });
  const { db, clock, writer, other } = openLockable(t, log, sync);
  db.exec("create table notes (text text not null) strict");
  const insert = db.prepare("insert into notes values (?)");
  const notes = () =>
    (db.prepare("select text from notes order by rowid").all() as { text: string }[]).map((row) => row.text);
  const said = () => lines.map((line) => JSON.parse(line)).map(({ msg, trouble }) => `${trouble}: ${msg}`);
  return { db, clock, writer, other, notes, said, add: (text: string) => inTransaction(db, () => insert.run(text)) };
}

t.test("a relaxed write waits for a lock, the newest of its key counts, and a short lock is no trouble", async (t) => {
  const { clock, writer, other, notes, said, add } = open(t);
  writer.relaxed("a", () => add("a1"), OWN);
  other.exec("begin immediate");
  writer.relaxed("a", () => add("a2"), OWN);
  writer.relaxed("b", () => add("b1"), OWN);
  writer.relaxed("a", () => add("a3"), OWN);
  t.same(notes(), ["a1"]);
  other.exec("rollback");
  await clock.advance(200);
  t.same(notes(), ["a1", "b1", "a3"]);
  t.notOk(writer.isBehind);
  t.same([said(), writer.health.state], [[], { kind: "ok" }]);
});

t.test("a lock is tried now and then, however many writes come", async (t) => {
  const { clock, writer, other, notes, add } = open(t);
  other.exec("begin immediate");
  let tries = 0;
  const write = () => {
    tries += 1;
    add("x");
  };
  for (let count = 0; count < 20_000; count += 1) writer.relaxed(`key ${count}`, write, OWN);
  t.equal(tries, 1, "the first finds the lock, and the others do not try");
  t.equal(writer.waitingCount, 10_000, "what waits is bounded");
  await clock.advance(1_000);
  t.equal(tries, 6, "once in 200 ms");
  other.exec("rollback");
  await clock.advance(2_000);
  t.equal(notes().length, 10_000);
});

t.test("of too many writes those of who has the most are given up and told, the oldest first", async (t) => {
  const { clock, writer, other, notes, add } = open(t);
  const given: string[] = [];
  const write = (owner: string, key: string, how: "relaxed" | "later" = "relaxed") =>
    writer[how](key, () => add(key), { owner, dropped: () => given.push(key) });
  other.exec("begin immediate");
  write("honest", "h0");
  for (let at = 0; at < 9_999; at += 1) write("hostile", `x${at}`);
  t.same(given, []);
  write("honest", "h1");
  for (let at = 0; at < 3; at += 1) write("third", `t${at}`);
  t.same(given, ["x0", "x1", "x2", "x3"]);
  write("hostile", "x4");
  write("hostile", "x9999");
  t.same(given.slice(4), ["x5"], "what is said anew is the newest");
  for (let at = 0; at < 10_001; at += 1) write("hostile", `l${at}`, "later");
  t.same(given.slice(5), ["l0"]);
  other.exec("rollback");
  await clock.advance(2_000);
  t.equal(writer.waits("h0") || writer.waits("h1"), false);
  t.equal(notes().filter((text) => /^[ht]/.test(text)).length, 5);
});

t.test("however many long writes wait, stalls let none lie for over 30 s", async (t) => {
  const { clock, writer, notes, add } = open(t);
  const STALL_MS = 10; // so long that its own share of the time is far below the pause
  const stall = (text: string) => () => {
    for (const end = performance.now() + STALL_MS; performance.now() < end; );
    add(text);
  };
  const began = clock.monotonicMs();
  for (let at = 0; at < 60; at += 1) writer.later(`long ${at}`, stall(`long ${at}`), OWN);
  let tookMs = 0;
  while (writer.waitingCount > 0 && tookMs < 600_000) {
    const before = performance.now();
    await clock.advance(50);
    tookMs += performance.now() - before;
  }
  t.equal(notes().length, 60);
  const pausedMs = clock.monotonicMs() - began;
  t.ok(pausedMs <= 30_000 + 20 * tookMs + 60 * 50, `${pausedMs} ms of pauses`);
  t.ok(pausedMs > 10_000, "and they are pauses");
});

t.test("a lock that lasts is a trouble: told once, and once more when it is over", async (t) => {
  const { clock, writer, other, said, add } = open(t);
  other.exec("begin immediate");
  writer.relaxed("a", () => add("a"), OWN);
  await clock.advance(10_000);
  t.match(writer.health.state, { kind: "locked", since: Date });
  t.equal(said().length, 1);
  t.ok((writer.health.errors.get("locked") ?? 0) > 1, "every one is counted");
  other.exec("rollback");
  await clock.advance(2_000);
  t.same(writer.health.state, { kind: "ok" });
  t.same(said(), ["locked: the store is in trouble; what is held is served on", "locked: the store is well again"]);
});

t.test("an acknowledged write waits for a lock for 5 s, one at a time is tried, and then it is refused", async (t) => {
  const { clock, writer, other, notes, add } = open(t);
  other.exec("begin immediate");
  let tries = 0;
  const outcomes: string[] = [];
  const write = (text: string) => {
    tries += 1;
    add(text);
    return text;
  };
  const ask = (text: string) =>
    writer
      .durable(() => write(text))
      .then(
        () => outcomes.push(text),
        (thrown) => outcomes.push(`${text} ${troubleOf(thrown)}`),
      );
  const all = Array.from({ length: 100 }, (_, count) => ask(`early ${count}`));
  await clock.advance(4_000);
  t.same(outcomes, []);
  const late = ask("late");
  await clock.advance(2_000);
  await Promise.all(all);
  t.equal(outcomes.filter((outcome) => /^early \d+ locked$/.test(outcome)).length, 100);
  t.ok(tries < 40, `100 callers cost ${tries} tries in 6 s`);
  other.exec("rollback");
  await clock.advance(200);
  await late;
  t.same([outcomes.at(-1), notes()], ["late", ["late"]]);
});

t.test("behind a long write that held everybody up the loop is left to them, and short ones do not wait", async (t) => {
  const { clock, writer, notes, add } = open(t);
  // so long that the pause behind it is the longest
  const stall = (text: string) => () => {
    for (const end = performance.now() + 30; performance.now() < end; );
    add(text);
  };
  for (const key of ["a", "b", "c"]) writer.later(key, stall(key), OWN);
  t.same(notes(), [], "others have their turn first");
  await clock.advance(1);
  t.same(notes(), ["a"]);
  writer.relaxed("d", () => add("d"), OWN);
  t.same(notes(), ["a", "d"], "at once");
  await clock.advance(2_900);
  t.same(notes(), ["a", "d"]);
  t.same([writer.isBehind, writer.waits("b"), writer.waitingCount], [false, true, 2]);
  await clock.advance(1_000);
  t.same(notes(), ["a", "d", "b"], "its time comes");
  writer.relaxed("c", () => add("a newer c"), OWN);
  t.same(notes(), ["a", "d", "b", "a newer c"], "it takes the place of the one that waits");
  writer.later("e", stall("e"), OWN);
  writer.later("f", stall("f"), OWN);
  await writer.flush(() => false);
  t.same(notes().slice(4), ["e", "f"], "a relay that stops does not wait");
  t.equal(writer.waitingCount, 0);
});

t.test(
  "while the store is locked, short writes that come behind long ones are tried as soon as it is not",
  async (t) => {
    const { clock, writer, other, notes, add } = open(t);
    writer.later(
      "a",
      () => {
        for (const end = performance.now() + 20; performance.now() < end; );
        add("a");
      },
      OWN,
    );
    writer.later("b", () => add("b"), OWN);
    await clock.advance(1);
    other.exec("begin immediate");
    writer.relaxed("c", () => add("c"), OWN);
    other.exec("rollback");
    await clock.advance(200);
    t.same(notes(), ["a", "c"]);
    t.notOk(writer.isBehind);
  },
);

t.test("a mistake of the program is no trouble of the store", async (t) => {
  const { writer, add } = open(t);
  const broken = () => add(undefined as unknown as string);
  await t.rejects(writer.durable(broken));
  t.throws(() => writer.relaxed("a", broken, OWN));
  t.same(writer.health.state, { kind: "ok" });
});

t.test("a chat's roots are what was said last, although the store has not taken it", async (t) => {
  const { db, clock, writer, other } = open(t);
  const roots = new RelaxedChatRoots(new ChatRootTable(db, 1_000), writer);
  const read = () => ({ present: roots.present("chat"), gone: roots.tombstones("chat") });
  roots.record("workspace", "chat", ["/a", "/b"]);
  other.exec("begin immediate");
  roots.record("workspace", "chat", ["/b", "/c"]);
  t.same(read(), { present: ["/b", "/c"], gone: ["/a"] });
  roots.record("workspace", "chat", ["/b"]);
  t.same(read(), { present: ["/b"], gone: ["/a", "/c"] });
  roots.record("workspace", "chat", ["/a", "/b"]); // as the store has it, but not as it would have it
  t.same(read(), { present: ["/a", "/b"], gone: ["/c"] });
  other.exec("rollback");
  await clock.advance(1_000);
  t.notOk(writer.isBehind);
  t.same(read(), { present: ["/a", "/b"], gone: ["/c"] });
  const written = new ChatRootTable(db, 1_000);
  t.same([written.present("chat"), written.tombstones("chat")], [["/a", "/b"], ["/c"]]);
});

t.test(
  "a tree that was deleted is gone, although the store has not taken it; one that is saved anew is there",
  async (t) => {
    const { db, clock, writer, other } = open(t);
    const written = new TreeStateTable(db, { rows: 1_000, bytes: 1e9 });
    const trees = new RelaxedTreeStates(written, writer);
    const tree = { root: "/a", epoch: "epoch-1-", seq: 1, meta: metaOf(), files: [] };
    await trees.save("w", tree, () => false);
    other.exec("begin immediate");
    trees.delete("w", "/a");
    t.same([trees.has("w", "/a"), trees.load("w", "/a"), trees.heads("w", 9)], [false, undefined, []]);
    await t.rejects(
      trees.save("w", { ...tree, seq: 2 }, () => false),
      "whoever holds it is told, and tries again",
    );
    other.exec("rollback");
    await trees.save("w", { ...tree, seq: 2 }, () => false);
    await clock.advance(1_000);
    t.same(trees.heads("w", 9), [{ root: "/a", epoch: "epoch-1-", seq: 2 }], "the old deletion does not reach it");
  },
);

t.test("whoever says that trees are gone that nobody has keeps nothing waiting", async (t) => {
  const { db, clock, writer, other, add } = open(t);
  const trees = new RelaxedTreeStates(new TreeStateTable(db, { rows: 1_000, bytes: 1e9 }), writer);
  const tree = { root: "/a", epoch: "epoch-1-", seq: 1, meta: metaOf(), files: [] };
  await trees.save("w", tree, () => false);
  other.exec("begin immediate");
  writer.relaxed("other", () => add("other"), OWN);
  for (let at = 0; at < 100; at += 1) trees.delete("hostile", `/x${at}`);
  trees.delete("hostile", "/a");
  t.equal(writer.waitingCount, 1);
  trees.delete("w", "/a");
  t.same([writer.waitingCount, trees.has("w", "/a")], [2, false]);
  other.exec("rollback");
  await clock.advance(1_000);
  t.same([writer.waitingCount, trees.heads("w", 9)], [0, []]);
});

t.test("whatever met a lock, what another process writes after it is read at once", async () => {
  const step = fc.constantFrom("save", "delete", "record", "bury", "sweep", "relaxed", "durable", "wait", "read");
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const teardowns: (() => unknown)[] = [];
      const { db, clock, writer, other, notes, add } = open({ teardown: (run) => void teardowns.push(run) });
      const trees = new RelaxedTreeStates(new TreeStateTable(db, { rows: 1_000, bytes: 1e9 }), writer);
      const roots = new RelaxedChatRoots(new ChatRootTable(db, 1_000), writer);
      const tree = { root: "/a", epoch: "epoch-1-", seq: 1, meta: metaOf(), files: [] };
      await trees.save("w", tree, () => false);
      roots.record("w", "chat", ["/a", "/b"]);
      other.exec("begin immediate");
      const asked: Promise<unknown>[] = [];
      const take: Record<(typeof steps)[number], () => unknown> = {
        save: () => trees.save("w", { ...tree, seq: 2 }, () => false).catch(troubleOf),
        delete: () => trees.delete("w", "/a"),
        record: () => roots.record("w", "chat", ["/b"]),
        bury: () => roots.bury("w", "chat", "/b"),
        sweep: () => trees.sweep(),
        relaxed: () => writer.relaxed("note", () => add("own"), OWN),
        durable: () => asked.push(writer.durable(() => add("asked")).catch(troubleOf)),
        wait: () => clock.advance(300),
        read: () => [trees.load("w", "/a"), roots.present("chat"), notes()],
      };
      for (const each of steps) await take[each]();
      notes();
      other.exec("rollback");
      other.exec("insert into notes values ('news')");
      const isRead = notes().includes("news");
      for (let at = 0; at < 40; at += 1) await clock.advance(200);
      await Promise.all(asked);
      for (const run of teardowns.reverse()) run();
      return isRead;
    }),
    { numRuns: 60 },
  );
});

t.test("an acknowledged write waits for the disk, and nobody else does", async (t) => {
  const syncs: { settle: (failure?: unknown) => void }[] = [];
  const sync = () =>
    new Promise<void>((resolve, reject) => {
      syncs.push({ settle: (failure) => (failure === undefined ? resolve() : reject(failure)) });
    });
  const { db, writer, notes, add } = open(t, sync);
  const synchronous = () => (db.prepare("pragma synchronous").get() as { synchronous: number }).synchronous;
  const outcomes: unknown[] = [];
  const ask = (text: string) => {
    const write = () => {
      add(text);
      outcomes.push(`${text} at ${synchronous()}`);
      return text;
    };
    return writer.durable(write).then(
      (result) => outcomes.push(result),
      (thrown) => outcomes.push(troubleOf(thrown)),
    );
  };
  const [first, second] = [ask("first"), ask("second")];
  await until("both are written", () => syncs.length === 2);
  t.same(notes(), ["first", "second"], "the second was not held up by the first one's sync");
  t.same(outcomes, ["first at 1", "second at 1"], "SQLite itself does not sync (1: NORMAL)");
  t.equal(synchronous(), 2, "and does so for everything else (2: FULL)");
  syncs[0]?.settle();
  await first;
  t.same(outcomes.slice(2), ["first"]);
  syncs[1]?.settle(new StoreUnavailableError("failing"));
  await second;
  t.same(outcomes.slice(3), ["failing"], "what is not known to be on disk is not acknowledged");
});

t.test("a sync is of the database's log, and says what is wrong with the disk", async (t) => {
  const dir = tempDir(t);
  const db = openDatabase(dir);
  const sync = walSync(db);
  withoutSync(db, () => db.exec("create table notes (text text not null) strict"));
  t.ok(statSync(join(dir, "treewire.db-wal")).size > 0);
  await sync();
  renameSync(join(dir, "treewire.db-wal"), join(dir, "elsewhere"));
  await t.rejects(sync(), { trouble: "failing", cause: { code: "ENOENT" } });
  renameSync(join(dir, "elsewhere"), join(dir, "treewire.db-wal"));
  await sync();
  db.close();
  rmSync(join(dir, "treewire.db-wal"), { force: true });
  await sync();
  t.pass("the last one to close the database has synced it, and may take the log away");
});
