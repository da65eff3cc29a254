import t from "tap";
import { DEFAULT_LIMITS } from "../../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../../src/relay/store/index.js";
import fc from "../../../support/fast-check.js";
import { Random, SEED } from "../../../support/random.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";
import { until } from "../../../support/until.js";
import { fileOf, metaOf } from "../../support/fake-agent.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const OTHER = "22222222-2222-4222-8222-222222222222";

function open(t: Cleanup, limits: { workspaceRows?: number; workspaceBytes?: number } = {}): SqliteStore {
  const store = new SqliteStore(tempDir(t), { limits: { ...DEFAULT_LIMITS, ...limits } });
  t.teardown(() => store.close());
  return store;
}

const rootsOf = (from: number, count: number) => Array.from({ length: count }, (_, at) => `/${from + at}`);

t.test("a chat's list that is always another one keeps no more rows than a chat may have", async (t) => {
  const store = open(t);
  for (let round = 0; round < 4; round += 1) store.chatRoots.record(WORKSPACE, "chat", rootsOf(round * 9_500, 9_500));
  t.equal(store.chatRoots.present("chat").length, 9_500);
  t.ok(store.chatRoots.tombstones("chat").length <= 10_000, "nor before they are written");
  await until("the oldest have gone", () => store.chatRoots.tombstones("chat").length === 500);
  t.equal(store.chatRoots.rowCount(WORKSPACE), 10_000);
});

t.test(
  "what the chats of a workspace had goes first, the oldest of it, and other workspaces keep theirs",
  async (t) => {
    const store = open(t, { workspaceRows: 100 });
    store.chatRoots.record(OTHER, "other", rootsOf(0, 90));
    for (let chat = 0; chat < 10; chat += 1) {
      store.chatRoots.record(WORKSPACE, `chat-${chat}`, rootsOf(0, 30));
      store.chatRoots.record(WORKSPACE, `chat-${chat}`, rootsOf(0, 9));
      t.ok(store.chatRoots.rowCount(WORKSPACE) <= 100);
    }
    t.equal(store.chatRoots.present("chat-9").length, 9, "what is there stays");
    t.equal(store.chatRoots.present("other").length, 90);
  },
);

t.test(
  "rows of one chat stay within both limits after any sequence of lists, and what is present is present",
  async (t) => {
    const lists = fc.array(fc.record({ chat: fc.nat(3), from: fc.nat(60), count: fc.nat(12) }), { maxLength: 25 });
    const property = fc.asyncProperty(lists, async (sequence) => {
      const store = new SqliteStore(tempDir(t), { limits: { ...DEFAULT_LIMITS, workspaceRows: 50 } });
      try {
        return sequence.every(({ chat, from, count }) => {
          store.chatRoots.record(WORKSPACE, `chat-${chat}`, rootsOf(from, count));
          const present = store.chatRoots.present(`chat-${chat}`);
          const rows = [0, 1, 2, 3].reduce(
            (sum, at) =>
              sum + store.chatRoots.present(`chat-${at}`).length + store.chatRoots.tombstones(`chat-${at}`).length,
            0,
          );
          return rows === store.chatRoots.rowCount(WORKSPACE) && rows <= 50 && present.length === count;
        });
      } finally {
        await store.close();
      }
    });
    await fc.assert(property, { numRuns: 15 });
  },
);

t.test("a root that is gone becomes one that the chat had", async (t) => {
  const store = open(t);
  store.chatRoots.record(WORKSPACE, "chat", ["/a", "/b"]);
  store.chatRoots.bury(WORKSPACE, "chat", "/a");
  t.same(store.chatRoots.present("chat"), ["/b"]);
  t.same(store.chatRoots.tombstones("chat"), ["/a"]);
  t.equal(store.chatRoots.rowCount(WORKSPACE), 2);
});

t.test("what is named as removed is so much text and no more, the latest of it", async (t) => {
  const store = open(t);
  const long = (at: number) => `/${at}`.padEnd(4_000, "x");
  for (let round = 0; round < 3; round += 1) {
    store.chatRoots.record(
      WORKSPACE,
      "chat",
      Array.from({ length: 400 }, (_, at) => long(round * 400 + at)),
    );
  }
  const named = store.chatRoots.tombstones("chat");
  t.equal(named.length, Math.floor((2 * 1024 * 1024) / 4_000));
});

const treeOf = (root: string, text = "x") => {
  return { root, epoch: "epoch-01", seq: 1, meta: metaOf(), files: [fileOf("a", text)] };
};

t.test("the states of a workspace's trees are so many rows and bytes, and the oldest go", async (t) => {
  const store = open(t, { workspaceRows: 20 });
  await store.treeStates.save(OTHER, treeOf("/other"), () => false);
  for (const root of rootsOf(0, 200)) {
    await store.treeStates.save(WORKSPACE, treeOf(root), () => false);
    t.ok(store.treeStates.rowCount(WORKSPACE) <= 20);
  }
  const kept = store.treeStates.heads(WORKSPACE, 1_000).map(({ root }) => root);
  t.equal(kept.length, store.treeStates.rowCount(WORKSPACE));
  t.ok(kept.length >= 18, "no more goes than makes room");
  t.ok(kept.includes("/199"));
  t.ok(store.treeStates.has(OTHER, "/other"));

  const small = open(t, { workspaceBytes: 20_000 });
  const drawn = new Random(SEED);
  const random = () => Array.from({ length: 3_000 }, () => drawn.below(36).toString(36)).join("");
  for (const root of rootsOf(0, 50)) await small.treeStates.save(WORKSPACE, treeOf(root, random()), () => false);
  t.ok(small.treeStates.heads(WORKSPACE, 1_000).length < 20);
  t.ok(small.treeStates.has(WORKSPACE, "/49"));
});

t.test("a state that replaces another is no row more, and one that is deleted is one less", async (t) => {
  const store = open(t);
  for (let round = 0; round < 5; round += 1) await store.treeStates.save(WORKSPACE, treeOf("/a"), () => false);
  t.equal(store.treeStates.rowCount(WORKSPACE), 1);
  store.treeStates.delete(WORKSPACE, "/a");
  store.treeStates.delete(WORKSPACE, "/a");
  t.equal(store.treeStates.rowCount(WORKSPACE), 0);
});
