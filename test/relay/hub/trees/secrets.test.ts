import t, { type Test } from "tap";
import type { SecretsMode } from "../../../../src/protocol/index.js";
import { Account } from "../../../../src/relay/budgets/account.js";
import { TreeCache } from "../../../../src/relay/hub/trees/tree-cache.js";
import { DEFAULT_LIMITS } from "../../../../src/relay/limit-options.js";
import { openDatabase } from "../../../../src/relay/store/database.js";
import { TreeStates } from "../../../../src/relay/store/tree-states.js";
import { fileOf } from "../../../support/states.js";
import { tempDir } from "../../../support/temp.js";

const WORKSPACE = "w";

function storeOf(t: Test, directory = tempDir(t)) {
  const db = openDatabase(directory);
  t.teardown(() => db.close());
  const states = new TreeStates(db, { rows: 100, bytes: 2 ** 20 });
  const cacheOf = () => new TreeCache(WORKSPACE, states, () => false, new Account(DEFAULT_LIMITS));
  return { directory, db, states, cacheOf };
}

/** An agent comes and sends one state. @returns the states of before that were dropped */
async function visit(cache: TreeCache, secrets: SecretsMode | undefined, root = "/a") {
  const dropped = cache.setSecrets(secrets).map((state) => state.root);
  const heads = cache.knownHeads().map((head) => head.root);
  const meta = {
    head: "",
    branch: "",
    remote_origin: "",
    scanned_at: new Date().toISOString(),
    health: "",
    too_large_bytes: 0,
  };
  cache.apply({
    type: "tree",
    root,
    epoch: "epoch-of-it",
    seq: 1,
    base: null,
    meta,
    upserts: [fileOf("t:x")],
    removes: [],
    more: false,
  });
  cache.confirm(root, Date.now());
  await cache.save(true);
  return { dropped, heads };
}

t.test(
  "states of an agent that hid no secrets are dropped when one comes that does, here and on the disk",
  async (t) => {
    for (const before of [undefined, "send"] as const) {
      const { states, cacheOf } = storeOf(t);
      const cache = cacheOf();
      await visit(cache, before);
      t.same(await visit(cache, "withhold", "/b"), { dropped: ["/a"], heads: [] }, `in memory, of ${before}`);
      t.notOk(states.has(WORKSPACE, "/a"));
      const other = storeOf(t);
      await visit(other.cacheOf(), before);
      t.same(await visit(other.cacheOf(), "withhold", "/b"), { dropped: [], heads: [] }, `on the disk, of ${before}`);
      t.notOk(other.states.has(WORKSPACE, "/a"));
    }
  },
);

t.test("an agent that comes back goes on from what it sent", async (t) => {
  for (const mode of [undefined, "send", "withhold"] as const) {
    const { cacheOf } = storeOf(t);
    const cache = cacheOf();
    await visit(cache, mode);
    t.same(await visit(cache, mode, "/b"), { dropped: [], heads: ["/a"] });
    t.same((await visit(cacheOf(), mode, "/c")).heads.sort(), ["/a", "/b"], "after a restart of the relay, too");
  }
});

t.test("what was stored before agents said so is deleted when the database is brought up to date", async (t) => {
  const { directory, db } = storeOf(t);
  db.exec("alter table trees drop column secrets; pragma user_version = 6");
  db.exec("insert into trees values ('w', '/a', 'epoch-of-it', 1, x'00', 1)");
  t.same(storeOf(t, directory).states.heads(WORKSPACE, 10), []);
});
