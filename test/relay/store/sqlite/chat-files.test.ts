import { readdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { SqliteStore } from "../../../../src/relay/store/index.js";
import fc from "../../../support/fast-check.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";

const FILE = { organization: "o", owner: "alice", name: "", type: "image/png" };

function open(t: Cleanup) {
  const dataDir = tempDir(t);
  const store = new SqliteStore(dataDir);
  t.teardown(() => store.close());
  const stage = (text: string) => store.files.stage(chunks(text), 1000);
  const add = async (text: string) => {
    const blob = await stage(text);
    return store.files.add(blob, { ...FILE, size: blob.size, digest: blob.digest });
  };
  const kept = () =>
    readdirSync(join(dataDir, "files"), { recursive: true, withFileTypes: true, encoding: "utf8" })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  return { dataDir, store, stage, add, kept };
}

async function* chunks(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

t.test("a deletion waits while the same bytes come in again, and leaves them", async (t) => {
  const { dataDir, store, stage, add, kept } = open(t);
  const before = await add("the same");
  const blob = await stage("the same");
  let goOn = () => {};
  const committed = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  // the new file's bytes have their address, and its entry is not made yet
  const gated = {
    ...blob,
    commit: async () => {
      await blob.commit();
      await committed;
    },
  };
  const coming = store.files.add(gated, { ...FILE, size: blob.size, digest: blob.digest });
  const going = store.files.remove(before);
  // time in which a deletion that does not wait has long been through
  for (let count = 0; count < 100; count += 1) await stat(dataDir);
  goOn();
  const entry = await coming;
  t.equal(await going, true);
  t.same(kept(), [entry.digest]);
  const stream = await store.files.read(entry);
  t.equal(Buffer.concat((await stream?.toArray()) ?? []).toString(), "the same");
  await store.files.remove(entry);
  t.same(kept(), []);
  t.equal(await store.files.remove(entry), false);
});

t.test("files of any bytes come and go in any order: what is entered is there, and nothing else", async (t) => {
  const { store, add, kept } = open(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ text: fc.constantFrom("a", "b", "c"), removals: fc.nat(3) }), { maxLength: 20 }),
      async (steps) => {
        const jobs: Promise<unknown>[] = [];
        for (const { text, removals } of steps) {
          jobs.push(
            add(text).then(async (entry) => {
              // the same file may be taken away by several at once
              const removed = await Promise.all(Array.from({ length: removals }, () => store.files.remove(entry)));
              if (removed.filter(Boolean).length !== Math.min(removals, 1)) throw new Error("taken away twice");
              if (removals === 0) left.push(entry);
            }),
          );
        }
        const left: Awaited<ReturnType<typeof add>>[] = [];
        await Promise.all(jobs);
        const digests = [...new Set(left.map(({ digest }) => digest))].sort();
        if (kept().sort().join() !== digests.join()) throw new Error(`${kept()} instead of ${digests}`);
        for (const entry of left) {
          (await store.files.read(entry))?.destroy();
          await store.files.remove(entry);
        }
        const { bytes } = await store.files.totals();
        if (bytes !== 0 || kept().length > 0) throw new Error(`${bytes} bytes of nothing`);
      },
    ),
    { numRuns: 25 },
  );
});

t.test("an entry that cannot be made leaves no bytes, unless another file has them", async (t) => {
  const { store, stage, add, kept } = open(t);
  const fails = async (text: string) => {
    const blob = await stage(text);
    const tooMuch = { ...FILE, size: Number.NaN, digest: blob.digest }; // the database takes no such number
    await t.rejects(store.files.add(blob, tooMuch));
    await blob.discard();
  };
  await fails("alone");
  t.same(kept(), []);
  const { digest } = await add("shared");
  await fails("shared");
  t.same(kept(), [digest]);
});
