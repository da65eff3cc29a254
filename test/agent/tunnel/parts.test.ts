// How updates go over one connection: to a relay of this version, and to one of the version before.
import t, { type Test } from "tap";
import { TREE_MESSAGE_PART_BYTES } from "../../../src/protocol/index.js";
import { startDaemon } from "../../support/daemon.js";
import type { AgentConnection } from "../../support/fake-relay.js";
import { Random, SEED } from "../../support/random.js";
import { fileOf } from "../../support/states.js";
import { until } from "../../support/until.js";

const CHAT = "22222222-2222-4222-8222-222222222222";
const LONG = Array.from(
  { length: 30_000 },
  (
    (random) => () =>
      random.next().toString(36)
  )(new Random(SEED)),
).join("\n");
/** What a relay of the version before says: it knows neither parts with numbers nor files in several. */
const WELCOME_BEFORE = `{"type":"welcome","protocol":1,"workspace":"00000000-0000-4000-8000-000000000001","held":[]}`;

/** An agent whose tree `/w/a` has a file that is longer than several parts. @param welcome how the relay begins */
async function begin(t: Test, welcome: (connection: AgentConnection) => void) {
  const { relay, trees } = await startDaemon(t);
  trees.repositories.set("/w/a", [fileOf("t:a", "x"), fileOf("t:long", LONG)]);
  const connection = await relay.connection();
  const frames: string[] = [];
  connection.socket.on("message", (data) => frames.push(String(data)));
  welcome(connection);
  connection.send({ type: "watch", chat: CHAT, paths: [] });
  const whole = () => connection.all("tree").find(({ root, more }) => root === "/w/a" && !more);
  await until("the state has come", whole);
  return { relay, trees, connection, frames, parts: connection.all("tree").filter(({ root }) => root === "/w/a") };
}

t.test("a relay that takes parts gets nothing over 64 KiB, and all of it", async (t) => {
  const { frames, parts } = await begin(t, (connection) => connection.welcome([], []));
  t.ok(parts.length > 3);
  t.ok(frames.every((frame) => Buffer.byteLength(frame) <= TREE_MESSAGE_PART_BYTES));
  const [first] = parts.flatMap(({ upserts }) => upserts.filter(({ key }) => key === "t:long"));
  const rests = parts.map(({ rest }) => rest?.hunks ?? "");
  t.ok((first?.hunks ?? "") + rests.join("") === LONG);
});

t.test("a relay of the version before gets whole files, and its acknowledgement counts", async (t) => {
  const { trees, connection, parts } = await begin(t, ({ socket }) => socket.send(WELCOME_BEFORE));
  t.notOk(parts.some((part) => part.rest !== undefined));
  t.same(
    parts.flatMap(({ upserts }) => upserts),
    [fileOf("t:a", "x"), fileOf("t:long", LONG)],
  );
  const last = parts.at(-1);
  connection.socket.send(JSON.stringify({ type: "ack", root: "/w/a", epoch: last?.epoch, seq: last?.seq }));
  trees.opened.find(({ root }) => root === "/w/a")?.show([fileOf("t:a", "y"), fileOf("t:long", LONG)]);
  const next = () => connection.all("tree").find(({ root, base }) => root === "/w/a" && base === last?.seq);
  t.match(await until("the change", next), { upserts: [{ key: "t:a", hunks: "y" }] });
});

t.test("a state that is on its way is gone on with where the relay says", async (t) => {
  const { relay, connection, parts } = await begin(t, (connection) => connection.welcome([], []));
  const { epoch = "", seq = 0 } = parts[0] ?? {};
  connection.socket.terminate();
  const again = await relay.connection(2);
  again.welcome([], [{ root: "/w/a", epoch, seq, base: null, parts: parts.length - 2 }]);
  again.send({ type: "watch", chat: CHAT, paths: [] });
  const whole = () => again.all("tree").find(({ root, more }) => root === "/w/a" && !more);
  await until("the rest", whole);
  t.same(
    again.all("tree").filter(({ root }) => root === "/w/a"),
    parts.slice(-2),
  );
});

t.test("what follows waits until a part was answered, and a small tree does not wait for a large one", async (t) => {
  const { relay, trees } = await startDaemon(t);
  trees.repositories.set(
    "/w/a",
    Array.from({ length: 20 }, (_, at) => fileOf(`t:${at}`, LONG.slice(0, 60_000))),
  );
  const connection = await relay.connection();
  const { socket } = connection;
  const pong = socket.pong.bind(socket);
  socket.pong = () => undefined; // the test answers
  const marks: Buffer[] = [];
  socket.on("ping", (data) => marks.push(data));
  connection.welcome([], []);
  connection.send({ type: "watch", chat: CHAT, paths: [] });
  const sent = (root: string) => connection.all("tree").filter((message) => message.root === root).length;
  await until("a part of the large tree, and its mark", () => marks.length === 1);
  t.equal(sent("/w/a"), 1);
  for (let at = 0; sent("/w/a") < 20; at += 1) {
    await until(`mark ${at}`, () => marks.length > at);
    pong(marks[at]);
    if (at === 1) t.ok(sent("/w/a") <= 3, "little is under way");
  }
  const order = connection.all("tree").map(({ root }) => root);
  t.ok(order.indexOf("/w/b") < order.lastIndexOf("/w/a"), "the small one was between");
});
