import { randomUUID } from "node:crypto";
import t from "tap";
import { BlobTooLargeError, PreconditionError, SqliteStore, type Store } from "../../../src/relay/store/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { fileOf, metaOf } from "../support/fake-agent.js";

// What every store promises (src/relay/store/store.ts), asked of each kind of it: two relays, or a relay and a command, on one
// and the same data. What it promises of tokens, invites and chats is asked in records.test.ts.

/** Makes new data. @returns opens a store on it, as often as is wanted */
type Kind = (t: Cleanup) => () => Promise<Store>;

const KINDS: Record<string, Kind> = {
  SqliteStore: (t) => {
    const dir = tempDir(t);
    return async () => new SqliteStore(dir);
  },
};

const idOf = (token: string) => token.split("_")[1] ?? "";
const refused = (thrown: unknown): string => {
  if (thrown instanceof PreconditionError) return thrown.unmet;
  throw thrown;
};

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

for (const [name, kind] of Object.entries(KINDS)) {
  const open = async (t: Cleanup): Promise<{ here: Store; beside: Store; again: () => Promise<Store> }> => {
    const again = kind(t);
    const stores = [await again(), await again()] as const;
    t.teardown(() => Promise.all(stores.map((store) => store.close())));
    return { here: stores[0], beside: stores[1], again };
  };

  t.test(`${name}: no file is entered for a token that does not count any more`, async (t) => {
    const { here, beside } = await open(t);
    const by = idOf(await here.tokens.create({ kind: "client", user: "root", admin: true }));
    await beside.tokens.revoke(by);
    const blob = await here.files.stage(chunks("x"), 10);
    const file = { organization: "o", owner: "alice", name: "", type: "image/png", size: 1, digest: blob.digest };
    const add = here.files.add(blob, file, { by, entered: () => t.fail("it is not entered") });
    t.equal(await add.catch(refused), "token-ended");
    t.equal(await here.files.usedBy("owner", "alice"), 0);
    await blob.discard();
  });

  t.test(`${name}: a file is there with its bytes, and is counted, until it is taken away`, async (t) => {
    const { here, beside, again } = await open(t);
    const fileOf = { organization: "o", owner: "alice", name: "ü.png", type: "image/png" };
    const add = async (text: string, entered = () => {}) => {
      const blob = await here.files.stage(chunks(text.slice(0, 2), text.slice(2)), 1_000);
      t.equal(blob.head.toString(), text);
      return here.files.add(blob, { ...fileOf, size: blob.size, digest: blob.digest }, { entered });
    };
    let used: Promise<number> | undefined;
    const entry = await add("the bytes", () => {
      used = here.files.usedBy("owner", "alice");
    });
    t.ok((await used) !== 0, "when it is said to be entered, it counts");
    t.same(await beside.files.get(entry.id), entry);
    const read = async (store: Store) =>
      Buffer.concat((await (await store.files.read(entry))?.toArray()) ?? []).toString();
    t.equal(await read(beside), "the bytes");
    const twin = await add("the bytes");
    const sum = await beside.files.usedBy("organization", "o");
    t.same(await here.files.totals(), { bytes: sum, ofLargestOwner: sum });
    t.same([await beside.files.remove(twin), await beside.files.remove(twin)], [true, false]);
    t.equal(await read(here), "the bytes", "the other has them still");
    t.equal(await here.files.remove(entry), true);
    t.same([await beside.files.get(entry.id), await beside.files.read(entry)], [undefined, undefined]);
    t.equal(await here.files.usedBy("owner", "alice"), 0);
    const tooLarge = await here.files.stage(chunks("0123456789", "x"), 10).catch((thrown: unknown) => thrown);
    t.ok(tooLarge instanceof BlobTooLargeError);
    const dropped = await here.files.stage(chunks("x"), 10);
    await dropped.discard();
    const next = await again();
    await next.files.sweep();
    t.ok((await next.files.freeBytes()) > 0);
    await next.close();
  });

  t.test(`${name}: what a chat showed, and the trees' states, are there for the next relay`, async (t) => {
    const again = kind(t);
    const first = await again();
    const [workspace, chat] = [randomUUID(), randomUUID()];
    await Promise.all([first.chatRoots.prepare(chat), first.treeStates.prepare(workspace)]);
    first.chatRoots.record(workspace, chat, ["/b", "/a"]);
    first.chatRoots.record(workspace, chat, ["/b", "/c"]);
    first.chatRoots.bury(workspace, chat, "/c");
    const shows = (store: Store) => [store.chatRoots.present(chat), store.chatRoots.tombstones(chat)];
    const expected = [["/b"], ["/a", "/c"]];
    t.same(shows(first), expected, "at once");
    const meta = metaOf();
    const treeOf = (root: string, seq: number) => {
      return {
        root,
        epoch: "epoch-01",
        seq,
        meta,
        files: [fileOf("x", `${seq}`)],
        secrets: "withhold" as const,
      };
    };
    await first.treeStates.save(workspace, treeOf("/a", 1), () => false);
    await first.treeStates.save(workspace, treeOf("/b", 1), () => false);
    await first.treeStates.save(workspace, treeOf("/b", 2), () => false);
    await first.treeStates.save(workspace, treeOf("/b", 3), () => true);
    first.treeStates.delete(workspace, "/a");
    t.equal(first.treeStates.load(workspace, "/a"), undefined, "at once");
    await first.flush(() => false);
    await first.close();

    const next = await again();
    t.teardown(() => next.close());
    await Promise.all([next.chatRoots.prepare(chat), next.treeStates.prepare(workspace)]);
    t.same(shows(next), expected);
    t.equal(next.chatRoots.rowCount(workspace), 3);
    t.match(next.treeStates.load(workspace, "/b"), treeOf("/b", 2));
    t.same(next.treeStates.heads(workspace, 10), [{ root: "/b", epoch: "epoch-01", seq: 2 }]);
    t.same([next.treeStates.has(workspace, "/b"), next.treeStates.has(workspace, "/a")], [true, false]);
    t.same(next.treeStates.rootsOtherThan(workspace, "send"), ["/b"]);
    t.same(next.treeStates.rootsOtherThan(workspace, "withhold"), []);
    t.equal(next.treeStates.rowCount(workspace), 1);
    next.treeStates.sweep();
    t.ok(next.treeStates.has(workspace, "/b"), "it is young");
    await next.check();
  });
}
