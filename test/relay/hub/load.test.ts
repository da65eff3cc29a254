import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { Hub } from "../../../src/relay/hub/index.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { attachAnswering } from "../support/answering-link.js";
import { fileOf, metaOf } from "../support/fake-agent.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const CHAT = "33333333-3333-4333-8333-333333333333";
const TREES = 400;
const roots = Array.from({ length: TREES }, (_, at) => `/${String(at).padStart(3, "0")}`);

/** A chat of trees of which every second one has a state in the store. */
async function open(t: Cleanup) {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const { chatRoots, treeStates } = store;
  chatRoots.record(WORKSPACE, CHAT, roots);
  const files = [fileOf("t:file", "a line\n".repeat(2_000))];
  for (const [at, root] of roots.entries()) {
    const tree = { root, epoch: "epoch-01", seq: 1, meta: metaOf(), files, secrets: undefined };
    if (at % 2 === 0) await treeStates.save(WORKSPACE, tree, () => false);
  }
  const hub = new Hub({ chatRoots, treeStates, log: silentLogger(), limits: DEFAULT_LIMITS });
  return { hub, isHeld: (root: string) => hub.workspace(WORKSPACE).state(root) !== undefined };
}

t.test("the last states of a chat are brought in slices, and all are there when it is watched", async (t) => {
  const { hub, isHeld } = await open(t);
  let turns = 0;
  let isDone = false;
  const loaded = hub.load(WORKSPACE, CHAT).then(() => {
    isDone = true;
  });
  for (; !isDone; turns += 1) await nextTurn();
  await loaded;
  t.ok(turns > 1, `${turns} turns`);
  t.same(
    roots.filter(isHeld),
    roots.filter((_, at) => at % 2 === 0),
  );
});

t.test("nothing is brought while the agent is there, who says what is true", async (t) => {
  const { hub, isHeld } = await open(t);
  attachAnswering(hub.workspace(WORKSPACE));
  await hub.load(WORKSPACE, CHAT);
  t.same(roots.filter(isHeld), []);
});
