import t from "tap";
import type { AgentMessage, RelayMessage, TreeMessage } from "../../../src/protocol/index.js";
import {
  fileBytes,
  marksBytes,
  removedKeyBytes,
  rootBytes,
  treeBytes,
  troubleBytes,
} from "../../../src/relay/budgets/cost.js";
import { BudgetExceededError, TunnelLimitError } from "../../../src/relay/budgets/exceeded.js";
import { type AgentLink, GitStream, Hub, type Viewer } from "../../../src/relay/hub/index.js";
import { countChanges } from "../../../src/relay/hub/trees/files-count.js";
import type { Workspace } from "../../../src/relay/hub/workspace.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import fc from "../../support/fast-check.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { fileOf, metaOf } from "../support/fake-agent.js";
import { updateOf } from "../support/states.js";

type Sent = Exclude<AgentMessage, { type: "hello" | "named" }>;

const HOSTILE = "11111111-1111-4111-8111-111111111111";
const HONEST = "22222222-2222-4222-8222-222222222222";
const CHATS = ["33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"];
const HONEST_CHAT = "55555555-5555-4555-8555-555555555555";
const ROOTS = ["/a", "/b", "/c", "/d"];
const APP = "/home/me/app";

/** An agent's end that a workspace talks to. */
class FakeLink implements AgentLink {
  readonly received: RelayMessage[] = [];
  refused: TunnelLimitError | undefined;

  send(message: RelayMessage): void {
    this.received.push(message);
  }

  refuse(error: TunnelLimitError): void {
    this.refused = error;
  }
}

/** A viewer's client that takes every frame at once. */
const fail = (thrown: unknown) => {
  throw thrown;
};
const outlet = {
  send: (_frame: unknown, done: () => void) => void setImmediate(done),
  onBlocked() {},
  onDrained() {},
  onFailed: fail,
};

function open(t: Cleanup, limits: Partial<typeof DEFAULT_LIMITS> = {}) {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const opened = openOn(store, limits);
  t.teardown(opened.leaveAll);
  return opened;
}

function openOn(store: SqliteStore, limits: Partial<typeof DEFAULT_LIMITS> = {}) {
  const all = { ...DEFAULT_LIMITS, ...limits };
  const hub = new Hub({ chatRoots: store.chatRoots, treeStates: store.treeStates, log: silentLogger(), limits: all });
  const viewers = new Set<Viewer>();
  const watch = (workspace: string, chat: string) => {
    const options = { outlet, stream: new GitStream(), acceptsStale: false };
    const viewer = hub.watch({ workspace, chat, paths: [] }, options);
    viewers.add(viewer);
    return viewer;
  };
  const leaveAll = () => {
    for (const viewer of viewers) hub.leave(viewer, { mayReturn: false });
  };
  return { hub, watch, leaveAll };
}

/** A workspace with an agent; an agent that goes over a limit is detached, and another one comes. */
function agentOf(hub: Hub, id: string) {
  const workspace = hub.workspace(id);
  let link = new FakeLink();
  workspace.attach(link);
  workspace.resume();
  const refusals: TunnelLimitError[] = [];
  const again = () => {
    workspace.detach(link, "disconnected");
    link = new FakeLink();
    workspace.attach(link);
    workspace.resume();
  };
  const send = (message: Sent) => {
    try {
      workspace.receive(link, message);
    } catch (thrown) {
      if (!(thrown instanceof TunnelLimitError)) throw thrown;
      link.refuse(thrown);
    }
    if (link.refused === undefined) return;
    refusals.push(link.refused);
    again();
  };
  return { workspace, send, refusals, again, refused: () => link.refused };
}

/** What the workspace holds, counted anew: states and lists from what channels show, unfinished updates from the model. */
function recount(workspace: Workspace, pending: ReadonlyMap<string, readonly TreeMessage[]>) {
  const held = { bytes: 0, trees: 0, files: 0 };
  for (const root of workspace.roots) {
    const state = workspace.state(root);
    held.trees += 1;
    held.bytes += treeBytes(root, state?.meta) + countChanges(state?.changes?.files);
    for (const file of state?.files ?? []) held.bytes += fileBytes(file);
    held.files += state?.files.length ?? 0;
  }
  for (const parts of pending.values()) {
    for (const { upserts, removes } of parts) {
      for (const file of upserts) held.bytes += fileBytes(file);
      for (const key of removes) held.bytes += removedKeyBytes(key);
    }
  }
  for (const channel of workspace.channels) {
    for (const root of channel.roots) held.bytes += rootBytes(root);
    held.bytes += marksBytes(channel.viewers.size, channel.roots.size);
  }
  return held;
}

const root = fc.constantFrom(...ROOTS);
const key = fc.constantFrom("t:a", "t:b", "t:c", "u:d", "u:e");
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.nat(3_000).map((length) => "x".repeat(length)),
);
const file = fc.record({
  key,
  path: text,
  header: text,
  hunks: text,
  additions: fc.maxSafeNat(),
  deletions: fc.nat(),
  omitted_bytes: fc.constantFrom(0, 0, 1, 2 ** 50),
});
const scannedAt = "2026-03-05T10:11:12.345Z";
const message: fc.Arbitrary<Sent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("tree" as const),
      root,
      epoch: fc.constantFrom("epoch-01", "epoch-02"),
      seq: fc.integer({ min: 1, max: 4 }),
      base: fc.constantFrom(null, null, 1, 2, 3),
      meta: fc.record({ branch: text, health: text, too_large_bytes: fc.constantFrom(0, 0, 9) }).map(metaOf),
      upserts: fc.array(file, { maxLength: 6 }),
      removes: fc.array(fc.oneof(key, fc.constantFrom("", "nowhere")), { maxLength: 30 }),
      more: fc.boolean(),
    }),
  },
  fc.record({
    type: fc.constant("chat" as const),
    chat: fc.constantFrom(...CHATS, HONEST_CHAT),
    roots: fc.array(root, { maxLength: 5 }),
  }),
  fc.record({ type: fc.constant("scanned" as const), root, scanned_at: fc.constant(scannedAt) }),
  fc.record({ type: fc.constant("gone" as const), root }),
  fc.record({ type: fc.constant("refreshed" as const), id: fc.nat(9), scanned_at: fc.constant(scannedAt) }),
);
const step = fc.oneof(
  { weight: 8, arbitrary: message },
  { weight: 1, arbitrary: fc.constantFrom("lose" as const, "save" as const, "view" as const, "leave" as const) },
);

t.test(
  "whatever an agent sends, accounts are what a recount says, no budget is exceeded, and others stay right",
  async (t) => {
    const limits = { workspaceBytes: 60_000, workspaceTrees: 3, workspaceFiles: 12 };
    const store = new SqliteStore(tempDir(t));
    const ends: (() => void)[] = [];
    t.teardown(async () => {
      for (const end of ends) end(); // one that failed has viewers
      await store.close();
    });
    let refused = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      for (const workspace of [HOSTILE, HONEST]) for (const at of ROOTS) store.treeStates.delete(workspace, at);
      const { hub, watch, leaveAll } = openOn(store, limits);
      ends.push(leaveAll);
      const honest = agentOf(hub, HONEST);
      watch(HONEST, HONEST_CHAT);
      honest.send({ type: "chat", chat: HONEST_CHAT, roots: [APP] });
      honest.send(updateOf([fileOf("a", "honest")]));
      const before = { bytes: honest.workspace.held.bytes, state: honest.workspace.state(APP) };
      const { workspace, send, refusals, again } = agentOf(hub, HOSTILE);
      const viewers = CHATS.map((chat) => watch(HOSTILE, chat));
      const pending = new Map<string, TreeMessage[]>();
      for (const each of steps) {
        const refusedBefore = refusals.length;
        if (each === "lose") {
          again();
          pending.clear();
        } else if (each === "save") await hub.tidy(true);
        else if (each === "view") viewers.push(watch(HOSTILE, CHATS[0] ?? ""));
        else if (each === "leave") {
          const viewer = viewers.pop();
          if (viewer !== undefined) hub.leave(viewer, { mayReturn: false });
        } else {
          send(each);
          if (each.type === "tree") {
            const [first] = pending.get(each.root) ?? [];
            const goesOn = first && first.epoch === each.epoch && first.seq === each.seq && first.base === each.base;
            const parts = [...(goesOn ? (pending.get(each.root) ?? []) : []), each];
            if (each.more) pending.set(each.root, parts);
            else pending.delete(each.root);
          }
          if (each.type === "gone") pending.delete(each.root);
        }
        if (refusals.length > refusedBefore) pending.clear();
        const { bytes, trees, files } = workspace.held;
        const expected = recount(workspace, pending);
        if (JSON.stringify({ bytes, trees, files }) !== JSON.stringify(expected)) {
          throw new Error(
            `${JSON.stringify({ bytes, trees, files })} is entered, ${JSON.stringify(expected)} is there`,
          );
        }
        const marks = marksBytes(viewers.length, ROOTS.length) * CHATS.length; // viewers come without being asked
        if (bytes > limits.workspaceBytes + marks || trees > limits.workspaceTrees || files > limits.workspaceFiles) {
          throw new Error(`over a budget: ${JSON.stringify({ bytes, trees, files })}`);
        }
        if (honest.workspace.held.bytes !== before.bytes || honest.workspace.state(APP) !== before.state) {
          throw new Error("the honest workspace is not as it was");
        }
      }
      refused += refusals.length;
      leaveAll();
    });
    await t.resolves(fc.assert(property, { numRuns: 150 }));
    t.ok(refused > 20, `limits were met ${refused} times`);
  },
);

t.test("a budget is named when it is exceeded, and nothing is changed by what was too much", async (t) => {
  const cases = [
    [{ workspaceBytes: 20_000 }, "workspace-bytes", updateOf([fileOf("b", "x".repeat(10_000))], { seq: 2, base: 1 })],
    [{ workspaceTrees: 1 }, "workspace-trees", updateOf([], { root: "/b" })],
    [{ workspaceFiles: 1 }, "workspace-files", updateOf([fileOf("b", "1")], { seq: 2, base: 1 })],
  ] as const;
  for (const [limits, budget, tooMuch] of cases) {
    const { hub, watch } = open(t, limits);
    const { workspace, send, refusals } = agentOf(hub, HOSTILE);
    const chat = CHATS[0] ?? "";
    watch(HOSTILE, chat);
    send({ type: "chat", chat, roots: [APP] });
    send(updateOf([fileOf("a", "1")]));
    t.same(refusals, []);
    const state = workspace.state(APP);
    const { bytes } = workspace.held;
    send(tooMuch);
    t.match(refusals, [{ budget, reason: `over --${budget}` }]);
    t.ok(refusals[0] instanceof BudgetExceededError && Buffer.byteLength(refusals[0].reason) <= 123);
    t.equal(workspace.state(APP), state);
    t.equal(workspace.held.bytes, bytes);
  }
});

t.test("when all workspaces hold too much, what nobody watches goes, then the one that holds the most", async (t) => {
  const { hub, watch } = open(t, { treeBytes: 500_000 });
  const [one, two, three] = ["1", "2", "3"].map((digit) => agentOf(hub, HOSTILE.replace(/^1/, digit)));
  if (one === undefined || two === undefined || three === undefined) throw new Error("three agents");
  const watched = (agent: typeof one, chat: string, root: string) => {
    watch(agent.workspace.id, chat);
    agent.send({ type: "chat", chat, roots: [root] });
  };
  one.send(updateOf([fileOf("a", "x".repeat(80_000))], { root: "/unwatched" }));
  watched(one, CHATS[0] ?? "", "/one");
  one.send(updateOf([fileOf("a", "x".repeat(60_000))], { root: "/one" }));
  watched(two, CHATS[1] ?? "", "/two");
  two.send(updateOf([fileOf("a", "x".repeat(100_000))], { root: "/two" }));
  t.ok(one.workspace.state("/one") && one.workspace.state("/unwatched"));
  watched(three, HONEST_CHAT, "/three");
  three.send(updateOf([fileOf("a", "x".repeat(40_000))], { root: "/three" }));
  t.equal(one.workspace.state("/unwatched"), undefined, "nobody watches it");
  t.same(
    [one, two, three].flatMap(({ refusals }) => refusals),
    [],
    "and that was enough",
  );
  three.send(updateOf([fileOf("b", "x".repeat(55_000))], { root: "/three", seq: 2, base: 1 }));
  t.match([two.refused()], [{ budget: "max-tree-bytes", reason: "over --max-tree-bytes" }]);
  t.same([...one.refusals, ...three.refusals], [], "nobody else is closed");
  t.equal(two.workspace.state("/two"), undefined);
  t.equal(three.workspace.state("/three")?.files.length, 2);
  t.ok(hub.counts().treeBytes <= 500_000);
  const { budgets } = hub.counts();
  t.ok(budgets["max-tree-bytes"] > 0.5 && budgets["max-tree-bytes"] <= 1);
  t.ok(budgets["workspace-trees"] > 0 && budgets["workspace-bytes"] > 0 && budgets["workspace-rows"] > 0);
});

t.test("unfinished updates of watched trees are under the limit of all, as they come", async (t) => {
  const { hub } = open(t, { treeBytes: 500_000 });
  const { send, refusals } = agentOf(hub, HOSTILE);
  for (let count = 0; count < 100 && refusals.length === 0; count += 1) {
    send(updateOf([fileOf("a", "x".repeat(10_000))], { root: `/${count}`, more: true }));
    t.ok(hub.counts().treeBytes <= 500_000);
  }
  t.match(refusals, [{ reason: "over --max-tree-bytes" }]);
});

t.test("troubles are held once, and count as long as they are", async (t) => {
  const { hub, watch } = open(t);
  const { workspace, send } = agentOf(hub, HOSTILE);
  const chat = CHATS[0] ?? "";
  watch(HOSTILE, chat);
  send({ type: "chat", chat, roots: ROOTS });
  const { bytes } = workspace.held;
  const trouble = (root: string | null, text: string): Sent => ({
    type: "trouble",
    root,
    chat,
    code: "X",
    message: text,
  });
  for (let count = 0; count < 3; count += 1) send(trouble("/a", "long ago"));
  t.equal(workspace.held.bytes - bytes, troubleBytes("/a", "long ago"));
  send(trouble("/a", "now"));
  t.equal(workspace.held.bytes - bytes, troubleBytes("/a", "now"));
  for (let count = 0; count < 1_000; count += 1) send(trouble(null, `own ${count}`));
  t.ok(workspace.held.bytes - bytes < 101 * 1_000);
  send({ type: "chat", chat, roots: [] });
  send({ type: "chat", chat, roots: ROOTS });
  send({ type: "chat", chat, roots: ROOTS });
  t.equal(workspace.held.bytes, bytes, "they have passed");
});
