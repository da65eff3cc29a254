import t from "tap";
import type { DaemonOptions } from "../../src/agent/daemon.js";
import { SecretsPolicy } from "../../src/agent/trees/secrets-policy.js";
import { type TreeMessage, TUNNEL_SUBPROTOCOL } from "../../src/protocol/index.js";
import { leaks, samples } from "../secrets/samples.js";
import { startDaemon } from "../support/daemon.js";
import type { AgentConnection } from "../support/fake-relay.js";
import { SEED } from "../support/random.js";
import { fileOf } from "../support/states.js";
import type { Cleanup } from "../support/temp.js";
import { until } from "../support/until.js";

const CHAT = "10000000-0000-4000-8000-000000000001";
const OTHER_CHAT = "10000000-0000-4000-8000-000000000002";

/** As {@link startDaemon}, with the first connection welcomed. */
async function connected(t: Cleanup, options: Partial<DaemonOptions> = {}) {
  const started = await startDaemon(t, options);
  const connection = await started.relay.connection();
  connection.welcome();
  return { ...started, connection };
}

const ack = (connection: AgentConnection, { root, epoch, seq }: TreeMessage) =>
  connection.send({ type: "ack", root, epoch, seq });

t.test("the agent says hello with its token, in the tunnel's sub-protocol", async (t) => {
  const { connection } = await connected(t);
  t.equal(connection.request.headers.authorization, "Bearer secret");
  t.equal(connection.socket.protocol, TUNNEL_SUBPROTOCOL);
  t.match(connection.messages[0], { type: "hello", protocol: 1, agent: "treewire/test" });
});

t.test("the agent says what it does with secrets, and no frame has any that it hides", async (t) => {
  const { connection: open } = await connected(t);
  t.match(open.messages[0], { secrets: "send" });
  const secrets = new SecretsPolicy({ allow: [], deny: [] });
  const { connection, trees } = await connected(t, { secrets });
  t.match(connection.messages[0], { secrets: "withhold" });
  const all = samples(SEED);
  trees.repositories.set(
    "/w/a",
    all.map(({ text }, at) => fileOf(`t:${String(at).padStart(3, "0")}`, `@@ -0,0 +1 @@\n+${text}\n`)),
  );
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a"] });
  const tree = await connection.nth("tree", 1);
  t.equal(tree.upserts.length, all.length);
  t.same(
    all.flatMap(({ body }) => leaks(JSON.stringify(connection.messages), body)),
    [],
  );
});

t.test("a chat without paths shows the repositories under the roots, each whole at first", async (t) => {
  const { connection } = await connected(t);
  connection.send({ type: "watch", chat: CHAT, paths: [] });
  t.match(await connection.nth("chat", 1), { chat: CHAT, roots: ["/w/a", "/w/b"] });
  await connection.nth("tree", 2);
  const [first, second] = connection.all("tree").sort((x, y) => (x.root < y.root ? -1 : 1));
  t.match(first, { root: "/w/a", base: null, upserts: [{ key: "t:one" }], more: false });
  t.match(second, { root: "/w/b", base: null, upserts: [], more: false });
  t.same(connection.nonsense, []);
});

t.test("a chat with paths shows the trees that hold them, once each, and opens no other", async (t) => {
  const { connection, trees } = await connected(t);
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a/x", "/w/a", "/w/a/y/z"] });
  t.match(await connection.nth("chat", 1), { roots: ["/w/a"] });
  await connection.nth("tree", 1);
  t.same(trees.openRoots, ["/w/a"]);
});

t.test("two chats on one tree open it once; it closes some time after the last viewer has gone", async (t) => {
  const { connection, trees } = await connected(t);
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a"] });
  connection.send({ type: "watch", chat: OTHER_CHAT, paths: ["/w/a"] });
  await connection.nth("chat", 2);
  ack(connection, await connection.nth("tree", 1));
  t.equal(trees.opened.length, 1);
  connection.send({ type: "unwatch", chat: CHAT });
  connection.send({ type: "refresh", id: 1, chat: CHAT });
  await connection.nth("refreshed", 1);
  t.same(trees.openRoots, ["/w/a"], "the other chat still watches");
  connection.send({ type: "unwatch", chat: OTHER_CHAT });
  await until("the tree is closed", () => trees.openRoots.length === 0);
});

t.test("a change goes out as a delta, once the state before it is acknowledged", async (t) => {
  const { connection, trees } = await connected(t);
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a"] });
  const whole = await connection.nth("tree", 1);
  trees.tree("/w/a").show([fileOf("t:two")]);
  trees.tree("/w/a").show([fileOf("t:one"), fileOf("u:new")]);
  ack(connection, whole);
  t.match(await connection.nth("tree", 2), { base: whole.seq, upserts: [{ key: "u:new" }], removes: [] });
});

t.test("a refresh is answered when the relay has everything that was there before it", async (t) => {
  const { connection, trees } = await connected(t);
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a"] });
  ack(connection, await connection.nth("tree", 1));
  trees.tree("/w/a").onDisk = [fileOf("t:written")]; // nobody noticed
  const asked = Date.now();
  connection.send({ type: "refresh", id: 7, chat: CHAT });
  const update = await connection.nth("tree", 2);
  t.match(update, { upserts: [{ key: "t:written" }], removes: ["t:one"] });
  connection.socket.ping();
  await new Promise((resolve) => connection.socket.once("pong", resolve));
  t.same(connection.all("refreshed"), [], "not before the acknowledgement");
  ack(connection, update);
  const answer = await connection.nth("refreshed", 1);
  t.equal(answer.id, 7);
  t.ok(Date.parse(answer.scanned_at) >= asked);
});

t.test("a refresh finds repositories that came into being, and one without any is answered too", async (t) => {
  const { connection, trees } = await connected(t, { times: { pendingMs: 1e9, discoverMs: 1e9 } });
  trees.repositories.clear();
  connection.send({ type: "watch", chat: CHAT, paths: [] });
  t.match(await connection.nth("chat", 1), { roots: [] });
  connection.send({ type: "refresh", id: 1, chat: CHAT });
  await connection.nth("refreshed", 1);
  trees.repositories.set("/w/new", [fileOf("u:x")]);
  connection.send({ type: "refresh", id: 2, chat: CHAT });
  t.match(await connection.nth("chat", 2), { roots: ["/w/new"] });
  ack(connection, await connection.nth("tree", 1));
  await connection.nth("refreshed", 2);
  connection.send({ type: "refresh", id: 3, chat: OTHER_CHAT });
  t.equal((await connection.nth("refreshed", 3)).id, 3, "a chat that nobody watches");
});

t.test("repositories are found in time without a refresh", async (t) => {
  t.test("under the roots", async (t) => {
    const { connection, trees } = await connected(t);
    connection.send({ type: "watch", chat: CHAT, paths: [] });
    await connection.nth("chat", 1);
    trees.repositories.set("/w/c", []);
    t.match(await connection.nth("chat", 2), { roots: ["/w/a", "/w/b", "/w/c"] });
  });

  t.test("at a path that a chat named before it existed", async (t) => {
    const { connection, trees } = await connected(t, { times: { pendingMs: 10, discoverMs: 1e9 } });
    connection.send({ type: "watch", chat: CHAT, paths: ["/w/later/file", "/w/a"] });
    t.match(await connection.nth("chat", 1), { roots: ["/w/a"] });
    t.match(await connection.nth("trouble", 1), { chat: CHAT, root: null, code: "TW_PATH_NOT_FOUND" });
    trees.repositories.set("/w/later", []);
    t.match(await connection.nth("chat", 2), { roots: ["/w/a", "/w/later"] });
    t.equal(connection.all("trouble").length, 1, "and the trouble was told once");
  });
});

t.test("a tree that vanishes is told as gone, and is there again as soon as it returns", async (t) => {
  const { connection, trees } = await connected(t, { times: { pendingMs: 1e9, discoverMs: 1e9 } });
  connection.send({ type: "watch", chat: CHAT, paths: [] });
  await connection.nth("tree", 2);
  const before = connection.all("tree").find(({ root }) => root === "/w/a");
  const tree = trees.tree("/w/a");
  trees.repositories.delete("/w/a");
  tree.vanish();
  t.match(await connection.nth("gone", 1), { root: "/w/a" });
  t.match(await connection.nth("chat", 2), { roots: ["/w/b"] });
  tree.show([fileOf("t:again")]);
  t.match(await connection.nth("chat", 3), { roots: ["/w/a", "/w/b"] });
  const after = await connection.nth("tree", 3);
  t.match(after, { root: "/w/a", base: null, seq: 1 });
  t.not(after.epoch, before?.epoch, "with a history of its own");
});

t.test("a path whose tree has vanished may lead to another one", async (t) => {
  const { connection, trees } = await connected(t);
  trees.repositories.set("/w/a/inner", []);
  trees.resolveRoot = async () => (trees.repositories.has("/w/a/inner") ? "/w/a/inner" : "/w/a");
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a/inner/file"] });
  t.match(await connection.nth("chat", 1), { roots: ["/w/a/inner"] });
  await connection.nth("tree", 1);
  trees.repositories.delete("/w/a/inner");
  trees.tree("/w/a/inner").vanish();
  await until("the outer one is shown", () => connection.all("chat").at(-1)?.roots.join() === "/w/a");
});

t.test("trouble with a tree is told once, until it has passed; the state stands", async (t) => {
  const { connection, trees } = await connected(t);
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a"] });
  const whole = await connection.nth("tree", 1);
  ack(connection, whole);
  const tree = trees.tree("/w/a");
  const trouble = { code: "TW_CORRUPT_REPOSITORY", message: "/w/a: the index is damaged" };
  tree.emit("trouble", trouble);
  tree.emit("trouble", trouble);
  t.match(await connection.nth("trouble", 1), { root: "/w/a", chat: null, ...trouble });
  tree.show([fileOf("t:fine")]);
  tree.emit("trouble", trouble);
  await connection.nth("trouble", 2);
  t.equal(connection.all("trouble").length, 2);
  t.same(connection.all("gone"), []);
});

t.test("a tree that could not be read does not hold up a refresh", async (t) => {
  const { connection, trees } = await connected(t);
  trees.readsAtOnce = false;
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a"] });
  await connection.nth("chat", 1);
  const tree = await until("the tree is open", () => trees.opened[0]);
  tree.refresh = () => Promise.reject(new Error("cannot be read"));
  tree.emit("trouble", { code: "EACCES", message: "no" });
  connection.send({ type: "refresh", id: 1, chat: CHAT });
  await connection.nth("refreshed", 1);
  t.match(
    connection.all("trouble").map(({ message }) => message),
    ["no", "cannot be read"],
  );
});

t.test("after a lost connection the agent comes back and goes on with a delta", async (t) => {
  const { relay, connection, trees } = await connected(t);
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a"] });
  const whole = await connection.nth("tree", 1);
  ack(connection, whole);
  // the acknowledgement has been taken in when a question behind it is answered
  connection.send({ type: "refresh", id: 1, chat: CHAT });
  await connection.nth("refreshed", 1);
  connection.socket.terminate();
  trees.tree("/w/a").show([fileOf("t:one"), fileOf("t:two")]);
  const again = await relay.connection(2);
  again.welcome([{ root: "/w/a", epoch: whole.epoch, seq: whole.seq }]);
  again.send({ type: "watch", chat: CHAT, paths: ["/w/a"] });
  t.match(await again.nth("chat", 1), { roots: ["/w/a"] }, "the relay is told the chat's trees anew");
  t.match(await again.nth("tree", 1), { base: whole.seq, upserts: [{ key: "t:two" }], removes: [] });
  t.equal(trees.opened.length, 1, "the tree stayed open");
});

t.test("nothing is sent on a new connection before the relay asks", async (t) => {
  const { relay, connection, trees } = await connected(t);
  connection.send({ type: "watch", chat: CHAT, paths: ["/w/a"] });
  await connection.nth("tree", 1);
  connection.socket.terminate();
  const again = await relay.connection(2);
  again.welcome();
  trees.tree("/w/a").show([]);
  again.send({ type: "refresh", id: 1, chat: OTHER_CHAT });
  await again.nth("refreshed", 1);
  t.same(
    again.messages.map(({ type }) => type),
    ["hello", "refreshed"],
  );
});

t.test("a root that is not there is passed over, the others are served", async (t) => {
  const { connection } = await connected(t, { roots: ["/nowhere", "/w"] });
  connection.send({ type: "watch", chat: CHAT, paths: [] });
  t.match(await connection.nth("chat", 1), { roots: ["/w/a", "/w/b"] });
});
