import { mock } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { type AgentLink, Hub, type HubOptions, type Workspace } from "../../../src/relay/hub/index.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { attachAnswering } from "../support/answering-link.js";
import { showChat } from "../support/attentive-client.js";
import { fileOf, metaOf } from "../support/fake-agent.js";
import { updateOf } from "../support/states.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const CHAT = "33333333-3333-4333-8333-333333333333";
const OTHER_CHAT = "44444444-4444-4444-8444-444444444444";
const NEW_CHAT = "55555555-5555-4555-8555-555555555555";
const TREES = 400;
const roots = Array.from({ length: TREES }, (_, at) => `/${String(at).padStart(3, "0")}`);
const stored = roots.filter((_, at) => at % 2 === 0);
const [first = ""] = stored;
/** A tree that is kept, and that no chat had. */
const ELSEWHERE = "/elsewhere";

/** A relay that was started anew, and has kept every second tree of a chat, and the first one of another. */
async function open(t: Cleanup, options: Partial<HubOptions> = {}) {
  mock.timers.enable({ apis: ["setTimeout"] }); // nobody is shown something because of having waited
  t.teardown(() => mock.timers.reset());
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const { chatRoots, treeStates } = store;
  chatRoots.record(WORKSPACE, CHAT, roots);
  chatRoots.record(WORKSPACE, OTHER_CHAT, [first]);
  const files = [fileOf("t:file", "a line\n".repeat(2_000))];
  for (const root of [...stored, ELSEWHERE]) {
    const tree = { root, epoch: "epoch-01", seq: 1, meta: metaOf(), files, secrets: undefined };
    await treeStates.save(WORKSPACE, tree, () => false);
  }
  const hub = new Hub({ chatRoots, treeStates, log: silentLogger(), limits: DEFAULT_LIMITS, ...options });
  const workspace = hub.workspace(WORKSPACE);
  const show = (chat: string, acceptsStale = true) => {
    const client = showChat(hub, WORKSPACE, chat, { acceptsStale });
    t.teardown(() => hub.leave(client.viewer, { mayReturn: false }));
    return client;
  };
  const failReads = () => {
    treeStates.load = () => {
      throw new Error("disk I/O error");
    };
  };
  const holdReads = () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    treeStates.prepare = () => held;
    return () => letGo();
  };
  return { hub, workspace, show, failReads, holdReads, isHeld: (root: string) => workspace.state(root) !== undefined };
}

/** An agent that has said hello, and has not looked yet. */
function silentLink(): AgentLink {
  return {
    send: () => undefined,
    refuse(error: Error) {
      throw error;
    },
  };
}

/** An agent comes, has one tree, and answers at once. */
function agentComes(workspace: Workspace): void {
  const link = attachAnswering(workspace);
  workspace.resume();
  workspace.receive(link, { type: "chat", chat: CHAT, roots: [first] });
  workspace.receive(link, updateOf([fileOf("t:file", "new")], { root: first, meta: metaOf() }));
}

type Frames = ReturnType<typeof showChat>["frames"];

/** @returns how many turns of the loop went by until a frame of this type was there */
async function turnsUntil(frames: Frames, type: string): Promise<number> {
  const end = performance.now() + 30_000;
  let turns = 0;
  for (; !frames.some((frame) => frame.type === type); turns += 1) {
    if (performance.now() > end) throw new Error(`no ${type} frame among ${frames.length}`);
    await nextTurn();
  }
  return turns;
}

const rootsOf = (frame: Frames[number]): string[] =>
  frame.repositories
    .filter(({ removed = false }) => !removed)
    .map(({ repo_root: root }: { repo_root: string }) => root)
    .sort();

t.test("the last states of a chat are brought in slices, and shown at once when all are there", async (t) => {
  const { show, isHeld } = await open(t);
  const { frames } = show(CHAT);
  t.ok((await turnsUntil(frames, "changes")) > 1);
  t.match(frames[0], { stale: true });
  t.same(rootsOf(frames[0]), stored, "not some of them");
  t.same(roots.filter(isHeld), stored);
});

t.test("two who come one after the other are shown the same, which is brought once", async (t) => {
  const { show } = await open(t);
  const one = show(CHAT);
  await nextTurn();
  const two = show(CHAT);
  await turnsUntil(two.frames, "changes");
  await turnsUntil(one.frames, "changes");
  t.same([one.frames.length, two.frames.length], [1, 1]);
  t.same(rootsOf(one.frames[0]), stored);
  t.same(rootsOf(two.frames[0]), stored);
});

t.test("nothing is brought once the agent is there, who says what is true", async (t) => {
  const { workspace, show, isHeld } = await open(t);
  const { frames } = show(CHAT);
  agentComes(workspace);
  await turnsUntil(frames, "changes");
  t.equal(frames[0].stale, undefined);
  t.same(rootsOf(frames[0]), [first]);
  t.ok(roots.filter(isHeld).length < stored.length);
});

t.test("an agent that comes, gives another list and goes while they are brought leaves nothing out", async (t) => {
  const { workspace, show } = await open(t);
  const { frames } = show(CHAT);
  await nextTurn();
  const link = silentLink();
  workspace.attach(link);
  workspace.receive(link, { type: "chat", chat: CHAT, roots: [...stored, ELSEWHERE] });
  workspace.detach(link, "disconnected");
  await turnsUntil(frames, "changes");
  t.match(frames, [{ type: "error" }, { type: "changes", stale: true }]);
  t.same(rootsOf(frames[1]), [...stored, ELSEWHERE]);
});

t.test("what an agent says goes out although the store has not answered yet", async (t) => {
  const { workspace, show, holdReads } = await open(t);
  const letGo = holdReads();
  const { frames } = show(CHAT);
  agentComes(workspace);
  await turnsUntil(frames, "changes");
  t.equal(frames[0].stale, undefined);
  letGo();
});

t.test("while the agent is at another relay, it is waited for, and not for ever", async (t) => {
  for (const comes of [true, false]) {
    await t.test(comes ? "it comes" : "it does not", async (t) => {
      const { workspace, show } = await open(t, { agentStateAnywhere: async () => "connected" as const });
      const { frames } = show(CHAT);
      for (let turn = 0; turn < 20; turn += 1) await nextTurn();
      t.same(frames, []);
      if (comes) agentComes(workspace);
      await turnsUntil(frames, "changes");
      t.equal(frames[0].stale, comes ? undefined : true);
      t.same(rootsOf(frames[0]), comes ? [first] : stored);
    });
  }
});

for (const hasBegun of [false, true]) {
  const when = hasBegun ? "has sent a part of a state" : "has said anything";
  t.test(`who came while the agent was there is shown them when it goes before it ${when}`, async (t) => {
    const { workspace, show } = await open(t);
    const link = silentLink();
    workspace.attach(link);
    const taking = show(CHAT);
    const other = show(CHAT, false);
    if (hasBegun) {
      workspace.receive(link, { type: "chat", chat: CHAT, roots: stored });
      workspace.receive(link, updateOf([fileOf("t:new", "1")], { root: first, more: true }));
    }
    workspace.detach(link, "disconnected");
    await turnsUntil(taking.frames, "changes");
    t.match(taking.frames, [{ type: "error" }, { type: "changes", stale: true }]);
    t.same(rootsOf(taking.frames[1]), stored);
    t.match(other.frames, [{ type: "error" }]);
    t.equal(other.frames.length, 1, "who does not take old states is told that it has gone");
  });
}

t.test("where nothing is known, an agent that goes leaves nothing to show, and no empty diff is", async (t) => {
  const { workspace, show } = await open(t);
  const link = silentLink();
  workspace.attach(link);
  const { frames } = show(NEW_CHAT);
  workspace.detach(link, "disconnected");
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  t.match(frames, [{ type: "error" }]);
  t.equal(frames.length, 1);
  const { frames: late } = show(NEW_CHAT);
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  t.same(late, [], "nor for who comes now: the agent may be at another relay");
});

t.test("when the store cannot be read, those fail who have nothing, and nobody else", async (t) => {
  const { workspace, show, failReads } = await open(t);
  const link = attachAnswering(workspace);
  const live = show(OTHER_CHAT);
  workspace.receive(link, { type: "chat", chat: OTHER_CHAT, roots: [first] });
  workspace.receive(link, updateOf([fileOf("t:file", "new")], { root: first, meta: metaOf() }));
  await turnsUntil(live.frames, "changes");
  link.send = () => undefined; // from here on it does not answer
  const starting = show(CHAT);
  const plain = show(CHAT, false);
  failReads();
  workspace.detach(link, "disconnected");
  await turnsUntil(starting.frames, "failed");
  for (const { frames } of [live, plain]) t.notOk(frames.some(({ type }) => type === "failed"));
  const late = show(CHAT);
  await turnsUntil(late.frames, "failed");
  t.equal(late.frames.filter(({ type }) => type === "changes").length, 0);
});
