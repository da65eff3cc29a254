import { join } from "node:path";
import Database from "libsql";
import t, { type Test } from "tap";
import type { SecretsMode, TreeMessage } from "../../../../src/protocol/index.js";
import { Account } from "../../../../src/relay/budgets/account.js";
import { TreeCache } from "../../../../src/relay/hub/trees/tree-cache.js";
import { DEFAULT_LIMITS } from "../../../../src/relay/limit-options.js";
import { MIGRATIONS, openDatabase } from "../../../../src/relay/store/sqlite/database.js";
import { DATABASE_FILE } from "../../../../src/relay/store/sqlite/directory.js";
import { TreeStateTable } from "../../../../src/relay/store/sqlite/tree-states.js";
import { fileOf } from "../../../support/states.js";
import { tempDir } from "../../../support/temp.js";

const WORKSPACE = "w";

function storeOf(t: Test, directory = tempDir(t)) {
  const db = openDatabase(directory);
  t.teardown(() => db.close());
  const states = new TreeStateTable(db, { rows: 100, bytes: 2 ** 20 });
  const cacheOf = () => new TreeCache(WORKSPACE, states, () => false, new Account(DEFAULT_LIMITS));
  return { directory, db, states, cacheOf };
}

/** A whole state of one file. */
function updateOf(root: string): TreeMessage {
  const meta = {
    head: "",
    branch: "",
    remote_origin: "",
    scanned_at: new Date().toISOString(),
    health: "",
    too_large_bytes: 0,
  };
  const version = { epoch: "epoch-of-it", seq: 1, base: null };
  return { type: "tree", root, ...version, meta, upserts: [fileOf("t:x")], removes: [], more: false };
}

/** An agent comes and sends one state. @returns the states of before that were dropped */
async function visit(cache: TreeCache, secrets: SecretsMode | undefined, root = "/a") {
  const dropped = cache.setSecrets(secrets).map((state) => state.root);
  const heads = cache.knownHeads().map((head) => head.root);
  cache.apply(updateOf(root));
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

t.test("parts of an update are gone on with by an agent that does the same with secrets, and by no other", (t) => {
  const modes = [undefined, "send", "withhold"] as const;
  for (const [before, after] of modes.flatMap((one) => modes.map((other) => [one, other] as const))) {
    const cache = storeOf(t).cacheOf();
    const part = { ...updateOf("/a"), more: true };
    cache.setSecrets(before);
    cache.apply({ ...part, part: 0 });
    cache.agentIsGone();
    cache.setSecrets(after);
    const goesOn = before === after;
    const progress = { root: "/a", epoch: part.epoch, seq: part.seq, base: part.base, parts: 1 };
    t.same(cache.unfinished(), goesOn ? [progress] : [], `${before}, then ${after}`);
    t.equal(cache.apply({ ...part, part: 1, upserts: [fileOf("t:y")] }).kind, goesOn ? "unfinished" : "gap");
  }
  t.end();
});

t.test("what was stored before agents said so is deleted when the database is brought up to date", async (t) => {
  const directory = tempDir(t);
  const version = MIGRATIONS.findIndex((step) => step.includes("add column secrets"));
  t.ok(version > 0);
  const db = new Database(join(directory, DATABASE_FILE));
  for (const step of MIGRATIONS.slice(0, version)) db.exec(step);
  db.exec(`pragma user_version = ${version}`);
  db.exec("insert into trees values ('w', '/a', 'epoch-of-it', 1, x'00', 1)");
  db.close();
  t.same(storeOf(t, directory).states.heads(WORKSPACE, 10), []);
});

t.test(
  "a state that another relay has not deleted yet is shown to nobody once the agent does something else",
  async (t) => {
    const modes = [undefined, "send", "withhold"] as const;
    for (const [before, after] of modes.flatMap((one) => modes.map((other) => [one, other] as const))) {
      const { cacheOf } = storeOf(t);
      await visit(cacheOf(), before);
      const following = cacheOf();
      following.isReplica = true;
      following.setSecrets(after);
      following.load("/a");
      t.equal(following.state("/a") !== undefined, before === after, `${before}, then ${after}`);
    }
  },
);
