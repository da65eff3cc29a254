import { randomUUID } from "node:crypto";
import t from "tap";
import { MAX_TREES } from "../../../../src/protocol/index.js";
import { Account } from "../../../../src/relay/budgets/account.js";
import { TunnelLimitError } from "../../../../src/relay/budgets/exceeded.js";
import { TreeCache } from "../../../../src/relay/hub/trees/tree-cache.js";
import { DEFAULT_LIMITS } from "../../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../../src/relay/store/index.js";
import fc from "../../../support/fast-check.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";
import { fileOf } from "../../support/fake-agent.js";
import { APP, SCANNED_AT, updateOf } from "../../support/states.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";

/** A cache on a store in memory's place: a directory that goes with the test. */
function open(
  t: Cleanup,
  { watched = () => false, account }: { watched?: (root: string) => boolean; account?: Account } = {},
) {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  return { store, cache: new TreeCache(WORKSPACE, store.treeStates, watched, account) };
}

t.test("an update counts when its last part has come", (t) => {
  const { cache } = open(t);
  t.same(cache.apply(updateOf([fileOf("a", "1")], { more: true })), { kind: "unfinished" });
  t.equal(cache.state(APP), undefined);
  const outcome = cache.apply(updateOf([fileOf("b", "1")]));
  t.match(outcome, { kind: "changed", before: undefined });
  t.equal(cache.state(APP)?.files.length, 2);
  t.end();
});

t.test("a change without its base asks for the whole state, once until that comes", (t) => {
  const { cache } = open(t);
  const gap = updateOf([], { seq: 3, base: 2 });
  t.same(cache.apply(gap), { kind: "gap", isNew: true });
  t.same(cache.apply(gap), { kind: "gap", isNew: false });
  cache.apply(updateOf([], { seq: 3 }));
  t.same(cache.apply(updateOf([], { seq: 9, base: 8 })), { kind: "gap", isNew: true });
  t.equal(cache.state(APP)?.seq, 3, "the last good state stands");
  t.end();
});

t.test("a tree is live from the agent's word on until the agent is gone", (t) => {
  const { cache } = open(t);
  t.notOk(cache.confirm(APP, 1), "nobody knows it");
  cache.apply(updateOf([]));
  t.notOk(cache.isLive(APP));
  t.ok(cache.confirm(APP, 2_000));
  cache.confirm(APP, 1_000);
  t.equal(cache.scannedAt(APP), 2_000, "it never goes back");
  t.ok(cache.isLive(APP));
  cache.agentIsGone();
  t.notOk(cache.isLive(APP));
  t.ok(cache.state(APP), "what is known stays");
  cache.confirm(APP, 3_000);
  cache.unfollow(APP);
  t.notOk(cache.isLive(APP));
  t.end();
});

t.test("an update that was not finished when the agent was lost counts for nothing", (t) => {
  const { cache } = open(t);
  cache.apply(updateOf([fileOf("a", "1")], { more: true }));
  cache.agentIsGone();
  cache.apply(updateOf([fileOf("b", "1")]));
  t.same(
    cache.state(APP)?.files.map(({ key }) => key),
    ["t:b"],
  );
  t.end();
});

t.test("what is saved outlives the process, and an agent may go on from it", async (t) => {
  const { store, cache } = open(t);
  cache.apply(updateOf([fileOf("a", "1")]));
  t.notOk(cache.areSaved);
  await cache.save(true);
  t.ok(cache.areSaved);

  const next = new TreeCache(WORKSPACE, store.treeStates, () => false);
  t.same(next.knownHeads(), [{ root: APP, epoch: "epoch-01", seq: 1 }]);
  t.equal(next.state(APP), undefined, "it is read when it is needed");
  t.match(next.apply(updateOf([fileOf("b", "1")], { seq: 2, base: 1 })), { kind: "changed", before: { seq: 1 } });
  t.equal(next.state(APP)?.files.length, 2);

  const viewing = new TreeCache(WORKSPACE, store.treeStates, () => false);
  viewing.load(APP);
  t.equal(viewing.state(APP)?.files.length, 1);
  t.ok(viewing.areSaved);
});

t.test("a state that was replaced while it was written is not taken for saved", async (t) => {
  const { store, cache } = open(t);
  cache.apply(updateOf([fileOf("a", "1")]));
  const saved = cache.save(true);
  cache.apply(updateOf([fileOf("a", "2")], { seq: 2, base: 1 }));
  await saved;
  t.notOk(cache.areSaved);
  t.same(store.treeStates.heads(WORKSPACE, 10), [{ root: APP, epoch: "epoch-01", seq: 1 }]);
  await cache.save(true);
  t.same(store.treeStates.heads(WORKSPACE, 10), [{ root: APP, epoch: "epoch-01", seq: 2 }]);
});

t.test("of a tree that goes, or is another agent's, while it is written, nothing is", async (t) => {
  const { store, cache } = open(t);
  cache.apply(updateOf([fileOf("a", "1")]));
  const saved = cache.save(true);
  cache.setSecrets("send");
  await saved;
  t.same(store.treeStates.heads(WORKSPACE, 10), []);
  cache.apply(updateOf([fileOf("a", "1")]));
  await cache.save(true);
  t.same(store.treeStates.heads(WORKSPACE, 10), [{ root: APP, epoch: "epoch-01", seq: 1 }]);
});

t.test("a tree that changes whenever it is written is written all the same", async (t) => {
  const { store, cache } = open(t);
  cache.apply(updateOf([fileOf("a", "1")]));
  const seqs: number[] = [];
  for (let seq = 2; seq < 6; seq += 1) {
    const saved = cache.save(true);
    cache.apply(updateOf([fileOf("a", `${seq}`)], { seq, base: seq - 1 }));
    await saved;
    seqs.push(...store.treeStates.heads(WORKSPACE, 10).map((head) => head.seq));
  }
  t.same(seqs, [1, 2, 3, 4]);
});

t.test("a state that another relay was to write is written here when the agent has come back", async (t) => {
  const { store, cache } = open(t);
  cache.apply(updateOf([fileOf("a", "1")]));
  const saved = cache.save(true);
  cache.isReplica = true;
  await saved;
  t.same(store.treeStates.heads(WORKSPACE, 10), [], "the other relay's is not written over");
  cache.isReplica = false;
  t.notOk(cache.areSaved);
  await cache.save(true);
  t.same(store.treeStates.heads(WORKSPACE, 10), [{ root: APP, epoch: "epoch-01", seq: 1 }]);
});

t.test("evicted is what is written and not watched, and no more than is asked", async (t) => {
  const { cache } = open(t, { watched: (root) => root === "/watched" });
  for (const root of ["/watched", "/one", "/two"]) cache.apply(updateOf([fileOf("a", "1")], { root }));
  t.equal(cache.evict(Number.POSITIVE_INFINITY), 0, "nothing is written yet");
  await cache.save(true);
  const size = cache.state("/one")?.cost ?? 0;
  t.equal(cache.evict(1), size);
  t.equal(cache.states.length, 2);
  cache.apply(updateOf([], { root: "/two", seq: 2, base: 1, more: true }));
  t.equal(cache.evict(Number.POSITIVE_INFINITY), 0, "nor is one of which a part has come");
  t.same(
    cache.states.map(({ root }) => root),
    ["/watched", "/two"],
  );
});

t.test("a tree that is gone is gone from the store as well", async (t) => {
  const { store, cache } = open(t);
  cache.apply(updateOf([]));
  await cache.save(true);
  t.equal(cache.remove(APP)?.root, APP);
  t.equal(cache.state(APP), undefined);
  t.notOk(store.treeStates.has(WORKSPACE, APP));
  t.equal(cache.remove(APP), undefined);
});

t.test("a workspace has so many trees and no more; what nobody follows makes room", async (t) => {
  const { cache } = open(t);
  for (let count = 0; count < MAX_TREES; count += 1) cache.apply(updateOf([], { root: `/tree-${count}` }));
  cache.confirm("/tree-0", Date.parse(SCANNED_AT));
  t.match(cache.apply(updateOf([], { root: "/one-more" })), { kind: "changed" });
  t.ok(cache.state("/tree-0"), "what the agent follows stays");
  t.equal(cache.state("/tree-1"), undefined);

  const { cache: full } = open(t);
  for (let count = 0; count < MAX_TREES; count += 1) {
    full.apply(updateOf([], { root: `/tree-${count}` }));
    full.confirm(`/tree-${count}`, 1);
  }
  t.throws(() => full.apply(updateOf([], { root: "/one-more" })), { message: "over --workspace-trees" });
});

t.test("parts of a connection that was lost are kept for the next one, for a while, and cost what they cost", (t) => {
  const account = new Account(DEFAULT_LIMITS);
  const { cache } = open(t, { account });
  const empty = account.bytes;
  const first = updateOf([fileOf("a", "1")], { more: true, part: 0 });
  cache.apply(first);
  t.same(cache.unfinished(), [], "it is under way");
  const { bytes } = account;
  cache.agentIsGone();
  t.same(cache.unfinished(), [{ root: APP, epoch: "epoch-01", seq: 1, base: null, parts: 1 }]);
  t.equal(account.bytes, bytes);
  t.equal(cache.forgetUnfinished(), 0, "for now");
  t.match(cache.apply(updateOf([fileOf("b", "1")], { part: 1 })), { kind: "changed", state: { files: { length: 2 } } });
  t.same(cache.unfinished(), []);
  cache.apply({ ...first, seq: 2 });
  cache.agentIsGone();
  t.ok(cache.forgetUnfinished(0) > 0, "when it has lasted too long");
  t.same(
    cache.apply(updateOf([], { seq: 2, part: 1 })),
    { kind: "gap", isNew: true },
    "what follows it is asked for anew",
  );
  t.same(cache.apply(updateOf([], { seq: 2, part: 2 })), { kind: "gap", isNew: false });
  cache.clear();
  t.equal(account.bytes, empty);
  t.end();
});

t.test("parts without numbers, and those of an agent that was refused, are not kept", (t) => {
  const { cache } = open(t);
  cache.apply(updateOf([fileOf("a", "1")], { more: true }));
  cache.agentIsGone();
  t.same(cache.unfinished(), []);
  cache.apply(updateOf([fileOf("a", "1")], { more: true, part: 0 }));
  cache.agentIsRefused();
  cache.agentIsGone();
  t.same(cache.unfinished(), []);
  t.end();
});

t.test(
  "whatever parts come in whatever order, a recount finds what the account says, and states are whole",
  async (t) => {
    const text = fc.string({ maxLength: 30 });
    const part = fc.record({
      root: fc.constantFrom("/a", "/b"),
      seq: fc.integer({ min: 1, max: 2 }),
      base: fc.constantFrom(null, 1),
      part: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
      rest: fc.option(fc.record({ header: text, hunks: text }), { nil: undefined }),
      upserts: fc.array(fc.constantFrom(fileOf("a", "1"), { ...fileOf("b", ""), hunks: "" }), { maxLength: 2 }),
      more: fc.boolean(),
    });
    const step = fc.oneof(
      { weight: 9, arbitrary: part },
      { weight: 1, arbitrary: fc.constantFrom("lost" as const, "evict" as const) },
    );
    let refused = 0;
    const { cache: _, store } = open(t);
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const account = new Account({ ...DEFAULT_LIMITS, workspaceBytes: 12_000 });
      const cache = new TreeCache(randomUUID(), store.treeStates, () => true, account);
      for (const each of steps) {
        if (each === "lost") cache.agentIsGone();
        else if (each === "evict") cache.evict(1);
        else {
          const { part, rest, ...message } = each;
          const whole = { ...message, ...(part !== undefined && { part }), ...(rest !== undefined && { rest }) };
          try {
            cache.apply(updateOf(each.upserts, whole));
          } catch (thrown) {
            if (!(thrown instanceof TunnelLimitError)) throw thrown;
            refused += 1;
            cache.agentIsRefused();
            cache.agentIsGone();
          }
        }
        if (account.bytes > 12_000) return false;
      }
      const text = JSON.stringify(cache.states.map(({ files }) => files));
      cache.clear();
      return !text.includes("undefined") && account.bytes === 0 && account.trees === 0 && account.files === 0;
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
    t.ok(refused > 100, `${refused} were refused`);
  },
);
