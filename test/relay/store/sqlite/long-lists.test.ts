import { statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { SqliteStore } from "../../../../src/relay/store/index.js";
import fc from "../../../support/fast-check.js";
import { tempDir } from "../../../support/temp.js";
import { until } from "../../../support/until.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const CHAT = "33333333-3333-4333-8333-333333333333";
const rootsFrom = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => `/${String(from + at).padStart(6, "0")}`);

t.test("a long list is there at once, and is written when the caller has gone on", async (t) => {
  const dataDir = tempDir(t);
  const store = new SqliteStore(dataDir);
  const other = new SqliteStore(dataDir);
  t.teardown(() => store.close());
  t.teardown(() => other.close());
  const list = rootsFrom(0, 5_000);
  store.chatRoots.record(WORKSPACE, CHAT, list);
  t.same(store.chatRoots.present(CHAT), list);
  t.same(other.chatRoots.present(CHAT), []);
  await until("all is written", () => other.chatRoots.present(CHAT).length === list.length);
  store.chatRoots.record(WORKSPACE, CHAT, []);
  t.same(store.chatRoots.present(CHAT), []);
  await until("all of it is gone", () => other.chatRoots.present(CHAT).length === 0);
  t.same(other.chatRoots.tombstones(CHAT), list);
});

t.test("what was long before is written when the caller has gone on, however short the news are", async (t) => {
  const dataDir = tempDir(t);
  const before = new SqliteStore(dataDir);
  const list = rootsFrom(0, 5_000);
  before.chatRoots.record(WORKSPACE, CHAT, list);
  await before.close(); // writes what waits
  const store = new SqliteStore(dataDir);
  const other = new SqliteStore(dataDir);
  t.teardown(() => store.close());
  t.teardown(() => other.close());
  const [first = "", ...rest] = list;
  store.chatRoots.bury(WORKSPACE, CHAT, first);
  t.same([store.chatRoots.present(CHAT), store.chatRoots.tombstones(CHAT)], [rest, [first]]);
  t.same(other.chatRoots.tombstones(CHAT), []);
  await until("it is buried", () => other.chatRoots.tombstones(CHAT).length === 1);
  store.chatRoots.record(WORKSPACE, CHAT, []);
  await until("all of it is gone", () => other.chatRoots.present(CHAT).length === 0);
  store.chatRoots.record(WORKSPACE, CHAT, ["/x"]);
  t.same(store.chatRoots.present(CHAT), ["/x"]);
  t.same(other.chatRoots.present(CHAT), [], "what is gone is long");
  await until("it is written", () => other.chatRoots.present(CHAT).length === 1);
  t.same(other.chatRoots.tombstones(CHAT), list);
});

t.test("a long list that is always another one costs the disk no more than a few times its text", async (t) => {
  const dataDir = tempDir(t);
  const store = new SqliteStore(dataDir);
  const other = new SqliteStore(dataDir);
  t.teardown(() => store.close());
  t.teardown(() => other.close());
  const log = join(dataDir, "treewire.db-wal");
  let least = 0;
  for (let round = 1; round <= 4; round += 1) {
    const before = statSync(log).size;
    const list = rootsFrom(round * 10_000, 9_000);
    store.chatRoots.record(WORKSPACE, CHAT, list);
    await until("it is written", () => other.chatRoots.present(CHAT)[0] === list[0]);
    const text = list.join().length;
    const written = statSync(log).size - before;
    if (written <= 0) continue; // the log was begun anew
    least += 1;
    t.ok(written < 8 * text, `${written} bytes for ${text}`);
  }
  t.ok(least > 0);
});

t.test(
  "after any sequence of lists, short and long, what is written is the last one, and what was before it",
  async (t) => {
    const lists = fc.array(
      fc.record({ from: fc.nat(200), count: fc.oneof(fc.nat(10), fc.nat(300)), waits: fc.boolean() }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(lists, async (sequence) => {
        const dataDir = tempDir(t);
        const store = new SqliteStore(dataDir);
        const shown = new Set<string>();
        let last: string[] = [];
        for (const { from, count, waits } of sequence) {
          last = rootsFrom(from, count);
          for (const root of last) shown.add(root);
          store.chatRoots.record(WORKSPACE, CHAT, last);
          if (waits) await new Promise((resolve) => setTimeout(resolve, 1));
        }
        for (const root of last) shown.delete(root);
        const gone = [...shown].sort();
        const told = [store.chatRoots.present(CHAT), store.chatRoots.tombstones(CHAT)];
        await store.close(); // writes what waits
        const after = new SqliteStore(dataDir);
        const written = [after.chatRoots.present(CHAT), after.chatRoots.tombstones(CHAT)];
        await after.close();
        return [told, written].every((state) => JSON.stringify(state) === JSON.stringify([last, gone]));
      }),
      { numRuns: 40 },
    );
  },
);
