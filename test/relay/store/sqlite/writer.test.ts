import { renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import t from "tap";
import { ChatRootTable } from "../../../../src/relay/store/sqlite/chat-roots.js";
import { openDatabase, writeRelaxed } from "../../../../src/relay/store/sqlite/database.js";
import { RelaxedChatRoots } from "../../../../src/relay/store/sqlite/relaxed-roots.js";
import { RelaxedTreeStates } from "../../../../src/relay/store/sqlite/relaxed-trees.js";
import { TreeStateTable } from "../../../../src/relay/store/sqlite/tree-states.js";
import { walSync } from "../../../../src/relay/store/sqlite/wal-sync.js";
import { StoreWriter } from "../../../../src/relay/store/sqlite/writer.js";
import { StoreUnavailableError, troubleOf } from "../../../../src/relay/store/trouble.js";
import { createLogger } from "../../../../src/util/index.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";
import { until } from "../../../support/until.js";
import { metaOf } from "../../support/fake-agent.js";

/** A writer over a real database, which a second connection can lock. */
function open(t: Cleanup, sync?: () => Promise<void>) {
  const dir = tempDir(t);
  const db = openDatabase(dir);
  db.pragma("busy_timeout = 0");
  db.exec("create table notes (text text not null) strict");
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger("test", "info", { write: (line) => lines.push(line) });
  const writer = new StoreWriter(db, log, clock, sync);
  const other = new Database(join(dir, "treewire.db"));
  t.teardown(() => {
    other.close();
    db.close();
  });
  const insert = db.prepare("insert into notes values (?)");
  const notes = () =>
    (db.prepare("select text from notes order by rowid").all() as { text: string }[]).map((row) => row.text);
  const said = () => lines.map((line) => JSON.parse(line)).map(({ msg, trouble }) => `${trouble}: ${msg}`);
  return { db, clock, writer, other, notes, said, add: (text: string) => insert.run(text) };
}

t.test("a relaxed write waits for a lock, the newest of its key counts, and a short lock is no trouble", async (t) => {
  const { clock, writer, other, notes, said, add } = open(t);
  writer.relaxed("a", () => add("a1"));
  other.exec("begin immediate");
  writer.relaxed("a", () => add("a2"));
  writer.relaxed("b", () => add("b1"));
  writer.relaxed("a", () => add("a3"));
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
  for (let count = 0; count < 20_000; count += 1) writer.relaxed(`key ${count}`, write);
  t.equal(tries, 1, "the first finds the lock, and the others do not try");
  t.equal(writer.waitingCount, 10_000, "what waits is bounded");
  await clock.advance(1_000);
  t.equal(tries, 6, "once in 200 ms");
  other.exec("rollback");
  await clock.advance(2_000);
  t.equal(notes().length, 10_000);
});

t.test("a lock that lasts is a trouble: told once, and once more when it is over", async (t) => {
  const { clock, writer, other, said, add } = open(t);
  other.exec("begin immediate");
  writer.relaxed("a", () => add("a"));
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
  for (const key of ["a", "b", "c"]) writer.later(key, stall(key));
  t.same(notes(), [], "others have their turn first");
  await clock.advance(1);
  t.same(notes(), ["a"]);
  writer.relaxed("d", () => add("d"));
  t.same(notes(), ["a", "d"], "at once");
  await clock.advance(2_900);
  t.same(notes(), ["a", "d"]);
  t.same([writer.isBehind, writer.waits("b"), writer.waitingCount], [false, true, 2]);
  await clock.advance(1_000);
  t.same(notes(), ["a", "d", "b"], "its time comes");
  writer.relaxed("c", () => add("a newer c"));
  t.same(notes(), ["a", "d", "b", "a newer c"], "it takes the place of the one that waits");
  writer.later("e", stall("e"));
  writer.later("f", stall("f"));
  await writer.flush(() => false);
  t.same(notes().slice(4), ["e", "f"], "a relay that stops does not wait");
  t.equal(writer.waitingCount, 0);
});

t.test(
  "while the store is locked, short writes that come behind long ones are tried as soon as it is not",
  async (t) => {
    const { clock, writer, other, notes, add } = open(t);
    writer.later("a", () => {
      for (const end = performance.now() + 20; performance.now() < end; );
      add("a");
    });
    writer.later("b", () => add("b"));
    await clock.advance(1);
    other.exec("begin immediate");
    writer.relaxed("c", () => add("c"));
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
  t.throws(() => writer.relaxed("a", broken));
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
  writeRelaxed(db, () => db.exec("create table notes (text text not null) strict"));
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
