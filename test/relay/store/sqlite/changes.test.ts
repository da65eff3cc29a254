import { join } from "node:path";
import Database from "libsql";
import t from "tap";
import { bindChat, createToken, revokeToken, unbindChat } from "../../../../src/relay/index.js";
import { type Changes, SqliteStore } from "../../../../src/relay/store/index.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const ROOT = "22222222-2222-4222-8222-222222222222";
const CHILD = "33333333-3333-4333-8333-333333333333";

function open(t: Cleanup): { dir: string; store: SqliteStore; take: () => { tokens: string[]; chats: string[] } } {
  const dir = tempDir(t);
  const store = new SqliteStore(dir);
  t.teardown(() => store.close());
  const take = () => {
    const { tokens, chats } = store.changes() as Changes;
    return { tokens: [...tokens].sort(), chats: [...chats].sort() };
  };
  return { dir, store, take };
}

t.test("what another connection has changed is named, once, and nothing else", async (t) => {
  const { dir, take } = open(t);
  const token = await createToken(dir, { kind: "client", user: "alice" });
  await createToken(dir, { kind: "client", user: "bob" });
  await bindChat(dir, { chat: ROOT, workspace: WORKSPACE });
  t.same(take(), { tokens: [], chats: [ROOT] });
  await revokeToken(dir, token);
  await unbindChat(dir, ROOT);
  t.same(take(), { tokens: [token.split("_")[1]], chats: [ROOT] });
  t.same(take(), { tokens: [], chats: [] });
});

t.test("what this connection has changed is named as well, every chat of it", async (t) => {
  const { store, take } = open(t);
  await store.chats.bind({ chat: ROOT, workspace: WORKSPACE });
  await store.chats.bind({ chat: CHILD, workspace: WORKSPACE, parent: ROOT });
  take();
  await store.chats.update(ROOT, { archived: true });
  t.same(take(), { tokens: [], chats: [ROOT, CHILD] });
});

t.test("more than is kept is told as everything, and then goes on", async (t) => {
  const { dir, store, take } = open(t);
  await store.chats.bind({ chat: ROOT, workspace: WORKSPACE });
  take();
  const other = new Database(join(dir, "treewire.db"));
  other.exec("begin");
  for (let count = 0; count < 10_002; count += 1) other.exec("update chats set updated_at = updated_at + 1");
  other.exec("commit");
  t.match(other.prepare("select count(*) as rows from changes").get(), { rows: 10_000 }, "what is kept is bounded");
  other.close();
  t.equal(store.changes(), "all");
  await store.chats.unbind(ROOT);
  t.same(take(), { tokens: [], chats: [ROOT] });
});
