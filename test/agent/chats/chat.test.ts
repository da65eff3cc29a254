import t from "tap";
import { Chat, type ChatContext } from "../../../src/agent/chats/chat.js";
import { TrackStore } from "../../../src/agent/chats/track-store.js";
import { createLogger, silentLogger } from "../../../src/util/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FakeTrees } from "../../support/fake-trees.js";
import { TestLink } from "../../support/test-link.js";

const ID = "10000000-0000-4000-8000-00000000000a";

function chatOn(disk = new FakeTrees()) {
  disk.directories.add("/w");
  for (const root of ["/w/a", "/w/b"]) disk.repositories.set(root, []);
  const link = new TestLink();
  const clock = new FakeClock();
  const log: { msg: string; code: string }[] = [];
  const gone = new Set<string>();
  const surroundings = { link: link as TestLink | undefined, wantedChanges: 0 };
  const context: ChatContext = {
    discovery: { find: () => disk.findRepositories("/w") },
    finder: disk,
    tracked: TrackStore.unremembered(silentLogger()),
    logger: createLogger("test", "warn", { write: (line) => void log.push(JSON.parse(line)) }),
    clock,
    link: () => surroundings.link,
    mayLogRefusal: () => true,
    isGone: (root) => gone.has(root),
    onWantedChanged: () => {
      surroundings.wantedChanges += 1;
    },
  };
  return { chat: new Chat(ID, context), disk, link, clock, log, gone, surroundings, tracked: context.tracked };
}

t.test("without paths it shows what is found under the roots, and is never due for another look", async (t) => {
  const { chat, link, surroundings } = chatOn();
  await chat.watch([]);
  t.same(link.messages, [{ type: "chat", chat: ID, roots: ["/w/a", "/w/b"] }]);
  t.equal(surroundings.wantedChanges, 1);
  t.notOk(chat.isDue());
});

t.test("the relay is told again only what it was not told before", async (t) => {
  const { chat, disk, link } = chatOn();
  await chat.watch(["/w/a/x"]);
  await chat.resolve();
  chat.report();
  t.equal(link.messages.length, 1);
  await chat.watch(["/w/b"]);
  disk.repositories.delete("/w/b");
  await chat.resolve();
  t.same(
    link.all("chat").map(({ roots }) => roots),
    [["/w/a"], ["/w/b"], []],
  );
});

t.test("nothing is reported without a connection or viewers, and everything on a new connection", async (t) => {
  const { chat, link, surroundings } = chatOn();
  await chat.resolve();
  t.same(link.messages, [], "nobody watches");
  surroundings.link = undefined;
  await chat.watch(["/w/a"]);
  chat.unwatch(1000, () => {});
  const other = new TestLink();
  surroundings.link = other;
  await chat.watch(["/w/a"]);
  chat.unwatch(1000, () => {});
  await chat.watch(["/w/a"]);
  t.equal(other.all("chat").length, 2, "whoever watches anew is told anew");
});

t.test("why a path is not shown is logged and told once, with the trees, and no more when it has passed", async (t) => {
  const { chat, disk, link, log } = chatOn();
  await chat.watch(["/w/later/x", "/w/a", "/w"]);
  t.same(
    link.messages.map((message) => (message.type === "trouble" ? message.code : message.type)),
    ["chat", "TW_PATH_NOT_FOUND", "TW_NOT_A_REPOSITORY"],
  );
  await chat.resolve();
  t.same(
    log.map(({ code }) => code),
    ["TW_PATH_NOT_FOUND", "TW_NOT_A_REPOSITORY"],
  );
  t.match(chat.troubles(), [new RegExp(`^chat ${ID}: /w/later/x: `), /^chat .*: \/w: /]);
  disk.repositories.set("/w/later", []);
  await chat.resolve();
  t.same(chat.troubles().length, 1);
});

t.test("a chat that is bound to a bare repository shows its working trees", async (t) => {
  const { chat, disk, link } = chatOn();
  disk.worktrees.set("/w/bare", ["/w/a", "/w/b"]);
  await chat.watch(["/w/bare"]);
  t.same(link.messages, [{ type: "chat", chat: ID, roots: ["/w/a", "/w/b"] }]);
  disk.worktrees.set("/w/bare", ["/w/b"]);
  t.ok(chat.isDue(), "it may have others later");
  await chat.resolve();
  t.same(link.all("chat").at(-1)?.roots, ["/w/b"]);
});

t.test("of very many paths that are nowhere twenty are told", async (t) => {
  const { chat, link } = chatOn();
  await chat.watch(Array.from({ length: 50 }, (_, at) => `/nowhere/${at}/x`));
  t.equal(link.all("trouble").length, 20);
});

t.test("a path that is not there is due for a look when a twentieth of the time was spent on looking", async (t) => {
  const { chat, disk, clock } = chatOn();
  await chat.watch(["/w/a"]);
  t.notOk(chat.isDue(), "its tree is there");
  await chat.watch(["/w/later"]);
  t.ok(chat.isDue(), "a look costs nothing");
  const resolveRoot = disk.resolveRoot.bind(disk);
  disk.resolveRoot = async (path) => {
    await clock.advance(15);
    return resolveRoot(path);
  };
  await chat.watch(["/nowhere"]); // looks at two directories: at / too
  await clock.advance(2 * 15 * 20 - 1);
  t.notOk(chat.isDue());
  await clock.advance(1);
  t.ok(chat.isDue());
});

t.test("paths that it has touched count like bound ones, but are no trouble", async (t) => {
  const { chat, link, tracked } = chatOn();
  await (tracked as TrackStore).track([ID], ["/w/b/x", "/nowhere/y"]);
  await chat.watch(["/w/a"]);
  t.same(link.messages, [{ type: "chat", chat: ID, roots: ["/w/a", "/w/b"] }]);
  t.same(chat.status(), { chat: ID, watched: true, bound_paths: 1, tracked_paths: 2, roots: ["/w/a", "/w/b"] });
});

t.test("a vanished tree is wanted, and not shown, until it returns or other paths are bound", async (t) => {
  const { chat, disk, link, gone, log } = chatOn();
  await chat.watch(["/w/a/x", "/w/b"]);
  disk.repositories.delete("/w/a");
  gone.add("/w/a");
  chat.lose("/w/a");
  chat.report();
  await chat.resolve();
  t.same(link.all("chat").at(-1)?.roots, ["/w/b"]);
  t.same(chat.wanted, ["/w/a", "/w/b"]);
  t.same([link.all("trouble"), log], [[], []], "viewers know why");
  gone.delete("/w/a");
  chat.report();
  t.same(link.all("chat").at(-1)?.roots, ["/w/a", "/w/b"]);
  await chat.watch(["/w/b"]);
  t.same(chat.wanted, ["/w/b"]);
});

t.test("of very many vanished trees the oldest are given up", async (t) => {
  const { chat } = chatOn();
  for (let at = 0; at < 101; at += 1) chat.lose(`/gone/${at}`);
  t.equal(chat.wanted.length, 100);
  t.notOk(chat.wanted.includes("/gone/0"));
});

t.test("it ends some time after its last viewer has gone, unless one comes back", async (t) => {
  const { chat, clock } = chatOn();
  let ended = 0;
  const end = () => {
    ended += 1;
  };
  await chat.watch([]);
  chat.unwatch(1000, end);
  await clock.advance(999);
  await chat.watch([]);
  await clock.advance(1000);
  t.equal(ended, 0);
  chat.unwatch(1000, end);
  chat.unwatch(3000, end);
  await clock.advance(2999);
  t.equal(ended, 0, "the last word counts");
  await clock.advance(1);
  t.equal(ended, 1);
});

t.test("a search that ends after the chat has ended changes nothing", async (t) => {
  const { chat, link, surroundings } = chatOn();
  const resolved = chat.watch(["/w/a"]);
  chat.close();
  await resolved;
  t.same([link.messages, surroundings.wantedChanges], [[], 0]);
});
