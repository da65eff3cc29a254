import t from "tap";
import { ChatEvents, type ChatListener } from "../../../src/relay/chats/index.js";
import type { Chat } from "../../../src/relay/store/index.js";
import { until } from "../../support/until.js";

const AT = new Date(0);
const ALICE = { user: "alice", admin: false, workspace: undefined, chat: undefined };
const W = "11111111-1111-4111-8111-111111111111";

function chatOf(id: string, more: Partial<Chat> = {}): Chat {
  const rest = {
    paths: [],
    base: "",
    parent: undefined,
    title: "",
    labels: {},
    archived: false,
    createdAt: AT,
    updatedAt: AT,
  };
  return { id, owner: "alice", workspace: W, ...rest, ...more };
}

/** A store of which a test decides everything, and what was told of it. */
function start({ isLate = false } = {}) {
  const chats = new Map<string, Chat>();
  const world = { fails: false, reads: 0, agents: new Set<string>(), additions: 0 };
  const read = async <T>(value: T): Promise<T> => {
    world.reads += 1;
    if (world.fails) throw new Error("the store cannot be read");
    if (isLate) await new Promise((resolve) => setImmediate(resolve));
    return value;
  };
  const events = new ChatEvents({
    chats: {
      get: (id) => read(chats.get(id)),
      page: ({ owner, limit }) =>
        read(
          [...chats.values()].filter((chat) => !chat.archived && (owner ?? chat.owner) === chat.owner).slice(0, limit),
        ),
    },
    hasAgent: (workspace) => world.agents.has(workspace),
    treeCounts: () =>
      world.additions === 0
        ? []
        : [{ root: "/a", changedFiles: 1, additions: world.additions, deletions: 0, scannedAt: 0 }],
  });
  const told: string[] = [];
  const listener: ChatListener = { changed: (id, kind) => void told.push(`${id} ${kind}`) };
  const take = async () => {
    await events.flush();
    events.flushDiffs();
    return told.splice(0);
  };
  const listen = async (by = listener) => {
    const feed = await events.open(ALICE);
    feed.listen(by);
    return feed;
  };
  return { chats, world, events, listen, told, take };
}

t.test("nothing is read for those who do not listen", async (t) => {
  const { world, events, listen, take } = start();
  events.chatsChanged("all");
  events.agentChanged(W);
  events.treesChanged(W);
  await take();
  t.equal(world.reads, 0);
  (await listen()).close();
  world.reads = 0;
  events.chatsChanged(new Set(["a"]));
  t.same(await take(), []);
  t.equal(world.reads, 0, "nor for those who did");
});

t.test("what does not differ is not told, and what a failing store hides is told when it is back", async (t) => {
  const { chats, world, events, listen, take } = start();
  chats.set("a", chatOf("a"));
  chats.set("b", chatOf("b", { owner: "bob" }));
  await listen();
  events.chatsChanged("all");
  events.agentChanged(W);
  t.same(await take(), []);
  chats.set("a", chatOf("a", { title: "x" }));
  events.chatsChanged(new Set(["a", "b"]));
  world.fails = true;
  await t.rejects(events.flush());
  await t.rejects(events.flush());
  world.fails = false;
  t.same(await take(), ["a title_change"]);
  world.agents.add(W);
  world.additions = 3;
  events.agentChanged(W);
  t.same(await take(), ["a status_change", "a diff_status_change"]);
  world.additions = 4;
  events.treesChanged(W);
  await events.flush();
  t.same(await take(), ["a diff_status_change"]);
  chats.delete("a");
  chats.set("b", chatOf("b"));
  events.chatsChanged("all");
  t.same(await take(), ["a deleted", "b created"]);
});

t.test("a chat is told as it is when the message is made, once for all who listen", async (t) => {
  const { chats, events, listen } = start();
  chats.set("a", chatOf("a"));
  const first = await listen();
  const second = await listen();
  chats.set("a", chatOf("a", { title: "x" }));
  events.chatsChanged(new Set(["a"]));
  await events.flush();
  const message = first.message("a", "title_change");
  t.match(JSON.parse(message ?? ""), { kind: "title_change", chat: { title: "x" }, data: { chat: { title: "x" } } });
  t.equal(second.message("a", "title_change"), message);
  t.equal(first.message("nothing", "title_change"), undefined);
  t.equal(first.message("a", "deleted"), undefined, "it is there");
});

t.test("what becomes of a chat while the chats are being listed is not lost", async (t) => {
  const { chats, world, events, listen, take } = start({ isLate: true });
  chats.set("a", chatOf("a"));
  const listening = listen();
  await until("the list is read, and on its way", () => world.reads === 1);
  chats.set("a", chatOf("a", { title: "x" }));
  chats.set("b", chatOf("b"));
  events.chatsChanged(new Set(["a", "b"]));
  await listening;
  t.same(await take(), ["a title_change", "b created"]);
  t.same(await take(), []);
});

t.test("two who begin to listen at once read the list once, and both are told", async (t) => {
  const { chats, world, events, listen, take } = start({ isLate: true });
  const feeds = await Promise.all([listen(), listen()]);
  t.equal(world.reads, 1);
  chats.set("a", chatOf("a"));
  events.chatsChanged(new Set(["a"]));
  t.same(await take(), ["a created"], "the same listener twice");
  for (const feed of feeds) feed.close();
  world.reads = 0;
  events.chatsChanged("all");
  await take();
  t.equal(world.reads, 0);
});

t.test("who cannot be told what there is is refused, and leaves nothing behind", async (t) => {
  const { world, events, listen, take } = start();
  world.fails = true;
  await t.rejects(listen(), /cannot be read/);
  world.fails = false;
  events.chatsChanged("all");
  world.reads = 0;
  t.same(await take(), []);
  t.equal(world.reads, 0);
});
