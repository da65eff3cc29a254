import t from "tap";
import { controlRequestSchema, relayMessageSchema } from "../../../src/protocol/index.js";
import { ChatWorld } from "../../support/chat-world.js";

const CHAT = "10000000-0000-4000-8000-00000000000a";
const OTHER_CHAT = "10000000-0000-4000-8000-00000000000b";

t.test("the trees of all chats are open once each, and are watched while one of the chats is", async (t) => {
  const { chats, trees, disk } = new ChatWorld();
  await chats.watch(CHAT, ["/w/a"]);
  await chats.watch(OTHER_CHAT, []);
  t.same(disk.openRoots, ["/w/a", "/w/b"]);
  chats.unwatch(OTHER_CHAT);
  t.same(
    trees.status().map(({ root, watched }) => [root, watched]),
    [
      ["/w/a", true],
      ["/w/b", false],
    ],
  );
});

t.test("a chat's trees stay open for 30 s after its last viewer", async (t) => {
  const world = new ChatWorld();
  const { chats, disk } = world;
  await chats.watch(CHAT, ["/w/a"]);
  await chats.watch(OTHER_CHAT, ["/w/b"]);
  chats.unwatch(CHAT);
  await world.pass(29_999);
  t.same(disk.openRoots, ["/w/a", "/w/b"]);
  await world.pass(1);
  t.same(disk.openRoots, ["/w/b"]);
  t.same(
    chats.status().map(({ chat }) => chat),
    [OTHER_CHAT],
  );
});

t.test("a lost connection says nothing about viewers: the trees stay open for 3 min", async (t) => {
  const world = new ChatWorld();
  const { chats, disk } = world;
  world.connect();
  await chats.watch(CHAT, ["/w/a"]);
  await world.settle();
  world.disconnect();
  await world.pass(179_999);
  t.same(disk.openRoots, ["/w/a"]);
  const link = world.connect();
  await chats.watch(CHAT, ["/w/a"]);
  await world.settle();
  t.same(link.all("chat"), [{ type: "chat", chat: CHAT, roots: ["/w/a"] }], "the relay is told anew");
  world.disconnect();
  await world.pass(180_000);
  t.same(disk.openRoots, []);
});

t.test("the roots are searched every 10 s while a chat is watched, and no more after that", async (t) => {
  const world = new ChatWorld({ lingerMs: 1e9 });
  const { chats, disk } = world;
  const link = world.connect();
  await chats.watch(CHAT, []);
  t.equal(world.searches, 1);
  disk.repositories.set("/w/new", []);
  await world.pass(9_999);
  t.equal(world.searches, 1);
  await world.pass(1);
  t.equal(world.searches, 2);
  t.same(link.all("chat").at(-1)?.roots, ["/w/a", "/w/b", "/w/new"]);
  chats.unwatch(CHAT);
  await world.pass(60_000);
  t.equal(world.searches, 2);
  await chats.watch(CHAT, []);
  await world.pass(60_000);
  t.equal(world.searches, 9);
});

t.test("a path that is not there is looked for every second, one that is there is not", async (t) => {
  const world = new ChatWorld({ discoverMs: 1e9 });
  const { chats, disk } = world;
  let looks: string[] = [];
  const resolveRoot = disk.resolveRoot.bind(disk);
  disk.resolveRoot = (path) => {
    looks.push(path);
    return resolveRoot(path);
  };
  const link = world.connect();
  await chats.watch(OTHER_CHAT, []); // the roots are not due for longer than this test goes on
  await chats.watch(CHAT, ["/w/later", "/w/a"]);
  looks = [];
  for (let second = 0; second < 3; second += 1) await world.pass(1_000);
  t.equal(looks.filter((path) => path === "/w/later").length, 3);
  disk.repositories.set("/w/later", []);
  await world.pass(1_000);
  t.same(link.all("chat").at(-1)?.roots, ["/w/a", "/w/later"]);
  looks = [];
  await world.pass(10_000);
  t.same(looks, []);
});

t.test("a refresh reads every tree of the chat and says when the oldest was read", async (t) => {
  const world = new ChatWorld();
  const { chats, disk } = world;
  await chats.watch(CHAT, []);
  await world.settle();
  const before = Date.now();
  const refreshed = await chats.refresh(CHAT);
  t.same(
    disk.opened.map(({ refreshes }) => refreshes),
    [1, 1],
  );
  t.ok(refreshed >= before && refreshed <= Date.now());
  const tree = disk.tree("/w/a");
  const refresh = tree.refresh.bind(tree);
  tree.refresh = async () => {
    const state = await refresh();
    if (state !== undefined) tree.state = { ...state, scannedAt: 5 };
    return tree.state;
  };
  t.equal(await chats.refresh(CHAT), 5);
  t.ok((await chats.refresh(OTHER_CHAT)) >= before, "a chat that is not known has no trees");
});

t.test("a tree that vanishes and returns is shown so by the chats that want it, and by no other", async (t) => {
  const world = new ChatWorld();
  const { chats, disk } = world;
  const link = world.connect();
  await chats.watch(CHAT, ["/w/a"]);
  await chats.watch(OTHER_CHAT, ["/w/b"]);
  await world.settle();
  disk.tree("/w/a").vanish();
  await world.settle();
  disk.tree("/w/a").show([]);
  t.same(
    link.all("chat").map(({ chat, roots }) => [chat, roots]),
    [
      [CHAT, ["/w/a"]],
      [OTHER_CHAT, ["/w/b"]],
      [CHAT, []],
      [CHAT, ["/w/a"]],
    ],
  );
});

t.test("a chat is one, whatever the case in which relay and commands spell its id", async (t) => {
  const { chats, tracked } = new ChatWorld();
  const upper = CHAT.toUpperCase();
  const watch = relayMessageSchema.parse({ type: "watch", chat: upper, paths: ["/w/a"] });
  const unwatch = relayMessageSchema.parse({ type: "unwatch", chat: CHAT });
  const track = controlRequestSchema.parse({ type: "track", chat: CHAT, ancestors: [upper], paths: ["/w/b/x"] });
  if (watch.type !== "watch" || unwatch.type !== "unwatch" || track.type !== "track") throw new Error("not as sent");
  await chats.watch(watch.chat, watch.paths);
  await tracked.track([track.chat, ...track.ancestors], track.paths);
  await chats.trackedChanged([track.chat]);
  t.same(chats.status(), [{ chat: CHAT, watched: true, bound_paths: 1, tracked_paths: 1, roots: ["/w/a", "/w/b"] }]);
  chats.unwatch(unwatch.chat);
  t.match(chats.status(), [{ watched: false }]);
});

t.test("the status has the chats that have touched paths and are not watched", async (t) => {
  const { chats, tracked } = new ChatWorld();
  await tracked.track([OTHER_CHAT], ["/w/b/x", "/w/b/y"]);
  await chats.watch(CHAT, []);
  t.same(chats.status(), [
    { chat: CHAT, watched: true, bound_paths: 0, tracked_paths: 0, roots: ["/w/a", "/w/b"] },
    { chat: OTHER_CHAT, watched: false, bound_paths: 0, tracked_paths: 2, roots: [] },
  ]);
});

t.test("closing closes every tree and leaves nothing that would run", async (t) => {
  const world = new ChatWorld();
  const { chats, disk } = world;
  await chats.watch(CHAT, []);
  chats.unwatch(CHAT);
  chats.close();
  t.same([disk.openRoots, chats.status()], [[], []]);
  await world.pass(1e6);
  t.equal(world.searches, 1);
});

t.test("a repository that appears under a root is shown when the watch of the directories tells of it", async (t) => {
  const world = new ChatWorld();
  const link = world.connect();
  await world.chats.watch(CHAT, []);
  await world.pass(100);
  world.disk.repositories.set("/w/c", []);
  world.foundAnother();
  world.foundAnother();
  await world.pass(100);
  t.same(link.all("chat").at(-1)?.roots, ["/w/a", "/w/b", "/w/c"]);
  t.equal(world.searches, 2, "its steps are one search");
});
