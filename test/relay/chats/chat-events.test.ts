import t from "tap";
import { ChatEvents, type ChatListener } from "../../../src/relay/chats/index.js";
import type { Chat } from "../../../src/relay/store/index.js";

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
function start() {
  const chats = new Map<string, Chat>();
  const world = { fails: false, reads: 0, agents: new Set<string>(), additions: 0 };
  const read = <T>(value: T): T => {
    world.reads += 1;
    if (world.fails) throw new Error("the store cannot be read");
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
  const take = () => {
    events.flush();
    events.flushDiffs();
    return told.splice(0);
  };
  return { chats, world, events, listener, take };
}

t.test("nothing is read for those who do not listen", (t) => {
  const { world, events, listener, take } = start();
  events.chatsChanged("all");
  events.agentChanged(W);
  events.treesChanged(W);
  take();
  t.equal(world.reads, 0);
  events.listen(ALICE, listener).close();
  world.reads = 0;
  events.chatsChanged(new Set(["a"]));
  t.same(take(), []);
  t.equal(world.reads, 0, "nor for those who did");
  t.end();
});

t.test("what does not differ is not told, and what a failing store hides is told when it is back", (t) => {
  const { chats, world, events, listener, take } = start();
  chats.set("a", chatOf("a"));
  chats.set("b", chatOf("b", { owner: "bob" }));
  events.listen(ALICE, listener);
  events.chatsChanged("all");
  events.agentChanged(W);
  t.same(take(), []);
  chats.set("a", chatOf("a", { title: "x" }));
  events.chatsChanged(new Set(["a", "b"]));
  world.fails = true;
  t.throws(() => events.flush());
  t.throws(() => events.flush());
  world.fails = false;
  t.same(take(), ["a title_change"]);
  world.agents.add(W);
  world.additions = 3;
  events.agentChanged(W);
  t.same(take(), ["a status_change", "a diff_status_change"]);
  world.additions = 4;
  events.treesChanged(W);
  events.flush();
  t.same(take(), ["a diff_status_change"]);
  chats.delete("a");
  chats.set("b", chatOf("b"));
  events.chatsChanged("all");
  t.same(take(), ["a deleted", "b created"]);
  t.end();
});

t.test("a chat is told as it is when the message is made, once for all who listen", (t) => {
  const { chats, events, listener } = start();
  chats.set("a", chatOf("a"));
  const first = events.listen(ALICE, listener);
  const second = events.listen(ALICE, listener);
  chats.set("a", chatOf("a", { title: "x" }));
  events.chatsChanged(new Set(["a"]));
  events.flush();
  const message = first.message("a", "title_change");
  t.match(JSON.parse(message ?? ""), { kind: "title_change", chat: { title: "x" }, data: { chat: { title: "x" } } });
  t.equal(second.message("a", "title_change"), message);
  t.equal(first.message("nothing", "title_change"), undefined);
  t.equal(first.message("a", "deleted"), undefined, "it is there");
  t.end();
});
