import { join } from "node:path";
import Database from "libsql";
import t from "tap";
import { bindChat, createToken, revokeToken, unbindChat } from "../../../src/relay/index.js";
import { type Changes, Store } from "../../../src/relay/store/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const ROOT = "22222222-2222-4222-8222-222222222222";
const CHILD = "33333333-3333-4333-8333-333333333333";

function open(t: Cleanup): { dir: string; store: Store; take: () => { tokens: string[]; chats: string[] } } {
  const dir = tempDir(t);
  const store = new Store(dir);
  t.teardown(() => store.close());
  const take = () => {
    const { tokens, chats } = store.changes() as Changes;
    return { tokens: [...tokens].sort(), chats: [...chats].sort() };
  };
  return { dir, store, take };
}

t.test("what another connection has changed is named, once, and nothing else", (t) => {
  const { dir, take } = open(t);
  const token = createToken(dir, { kind: "client", user: "alice" });
  createToken(dir, { kind: "client", user: "bob" });
  bindChat(dir, { chat: ROOT, workspace: WORKSPACE });
  t.same(take(), { tokens: [], chats: [ROOT] });
  revokeToken(dir, token);
  unbindChat(dir, ROOT);
  t.same(take(), { tokens: [token.split("_")[1]], chats: [ROOT] });
  t.same(take(), { tokens: [], chats: [] });
  t.end();
});

t.test("what this connection has changed is named as well, every chat of it", (t) => {
  const { store, take } = open(t);
  store.chats.bind({ chat: ROOT, workspace: WORKSPACE });
  store.chats.bind({ chat: CHILD, workspace: WORKSPACE, parent: ROOT });
  take();
  store.chats.update(ROOT, { archived: true });
  t.same(take(), { tokens: [], chats: [ROOT, CHILD] });
  t.end();
});

t.test("more than is kept is told as everything, and then goes on", (t) => {
  const { dir, store, take } = open(t);
  store.chats.bind({ chat: ROOT, workspace: WORKSPACE });
  take();
  const other = new Database(join(dir, "treewire.db"));
  other.exec("begin");
  for (let count = 0; count < 10_002; count += 1) other.exec("update chats set updated_at = updated_at + 1");
  other.exec("commit");
  t.match(other.prepare("select count(*) as rows from changes").get(), { rows: 10_000 }, "what is kept is bounded");
  other.close();
  t.equal(store.changes(), "all");
  store.chats.unbind(ROOT);
  t.same(take(), { tokens: [], chats: [ROOT] });
  t.end();
});
