import t from "tap";
import { snapshotOf, type TreeSnapshot } from "../../../src/agent/trees/snapshot.js";
import { TreeStream } from "../../../src/agent/trees/tree-stream.js";
import type { AgentMessage } from "../../../src/protocol/index.js";
import { fileOf, stateOf } from "../../support/states.js";
import { TestLink } from "../../support/test-link.js";

const shows = (text: string): TreeSnapshot =>
  snapshotOf(stateOf("/r", [fileOf("t:same"), fileOf("t:x", `@@ ${text}\n`)]));

function connected() {
  const stream = new TreeStream("/r");
  const link = new TestLink();
  stream.connect(link);
  stream.setWatched(true);
  return { stream, link, ack: (message = link.last) => stream.ack(message) };
}

t.test("the first state is whole, later ones carry what changed since the last acknowledged", async (t) => {
  const { stream, link, ack } = connected();
  stream.update(shows("1"));
  t.match(link.last, { base: null, seq: 1, upserts: [{ key: "t:same" }, { key: "t:x" }], removes: [] });
  ack();
  stream.update(shows("2"));
  t.equal(link.trees.length, 2);
  t.match(link.last, { base: 1, seq: 2, epoch: stream.epoch });
  t.same(link.last.upserts, [fileOf("t:x", "@@ 2\n")]);
});

t.test("while one update is out, newer states replace each other", async (t) => {
  const { stream, link, ack } = connected();
  for (const text of ["1", "2", "3", "4"]) stream.update(shows(text));
  t.equal(link.trees.length, 1);
  ack();
  t.equal(link.trees.length, 2);
  t.same(link.last.upserts, [fileOf("t:x", "@@ 4\n")]);
  ack();
  t.equal(link.trees.length, 2, "and nothing is left to send");
});

t.test("a state that is like the last one is not sent", async (t) => {
  const { stream, link, ack } = connected();
  stream.update(shows("1"));
  ack();
  stream.update(shows("1"));
  t.equal(link.trees.length, 1);
});

t.test("an acknowledgement of something else counts for nothing", async (t) => {
  const { stream, link } = connected();
  stream.update(shows("1"));
  stream.update(shows("2"));
  stream.ack({ epoch: stream.epoch, seq: 7 });
  stream.ack({ epoch: "another-epoch", seq: 1 });
  t.equal(link.trees.length, 1);
});

t.test("a relay that lost the base gets the whole state", async (t) => {
  const { stream, link, ack } = connected();
  stream.update(shows("1"));
  ack();
  stream.update(shows("2"));
  stream.resync();
  t.match(link.last, { base: null, seq: 3 });
  t.equal(link.last.upserts.length, 2);
});

t.test("after a reconnect the stream goes on from what the relay holds", async (t) => {
  t.test("the last acknowledged state", async (t) => {
    const { stream, link, ack } = connected();
    stream.update(shows("1"));
    ack();
    stream.update(shows("2"));
    const again = new TestLink();
    stream.disconnect();
    stream.connect(again, { held: link.trees[0] });
    t.match(again.last, { base: 1, seq: 3 });
    t.same(again.last.upserts, [fileOf("t:x", "@@ 2\n")]);
  });

  t.test("a state whose acknowledgement was lost", async (t) => {
    const { stream, link } = connected();
    stream.update(shows("1"));
    stream.disconnect();
    stream.update(shows("2"));
    const again = new TestLink();
    stream.connect(again, { held: link.last });
    t.match(again.last, { base: 1, seq: 2 });
  });

  t.test("nothing that it knows: then the state is whole", async (t) => {
    const { stream, ack } = connected();
    stream.update(shows("1"));
    ack();
    stream.disconnect();
    const again = new TestLink();
    stream.connect(again, { held: { epoch: "another-epoch", seq: 1 } });
    t.match(again.last, { base: null, seq: 2 });
  });

  t.test("the state of this moment: then the relay only hears that it still holds", async (t) => {
    const { stream, link, ack } = connected();
    stream.update(shows("1"));
    ack();
    stream.disconnect();
    const again = new TestLink();
    stream.connect(again, { held: link.last });
    t.same(
      again.messages.map(({ type }) => type),
      ["scanned"],
    );
  });
});

t.test("nothing is sent while nobody looks, and the newest state when somebody does again", async (t) => {
  const { stream, link, ack } = connected();
  stream.update(shows("1"));
  ack();
  stream.setWatched(false);
  stream.update(shows("2"));
  stream.update(shows("3"));
  stream.scanned(1_780_000_000_000);
  t.equal(link.messages.length, 1);
  stream.setWatched(true);
  t.match(link.last, { base: 1, seq: 2 });
  t.same(link.last.upserts, [fileOf("t:x", "@@ 3\n")]);
});

t.test("a barrier waits for the acknowledgement of what came before it, and no longer", async (t) => {
  const { stream, ack } = connected();
  await stream.latestAcknowledged();
  stream.update(shows("1"));
  stream.update(shows("2"));
  let passed = false;
  const barrier = stream.latestAcknowledged().then(() => {
    passed = true;
  });
  ack();
  await new Promise(setImmediate);
  t.notOk(passed, "the second state is still out");
  stream.update(shows("3"));
  ack();
  await barrier;
  t.ok(passed, "though the third is on its way");
});

t.test("a barrier does not outlive the connection or the viewers", async (t) => {
  for (const end of ["disconnect", "unwatched"]) {
    const { stream } = connected();
    stream.update(shows("1"));
    const barrier = stream.latestAcknowledged();
    if (end === "disconnect") stream.disconnect();
    else stream.setWatched(false);
    await barrier;
    t.pass(end);
  }
});

t.test("a tree that stays as it is says so, but not all the time", async (t) => {
  const { stream, link, ack } = connected();
  stream.scanned(1_000_000);
  stream.update(shows("1"));
  stream.scanned(1_000_000);
  t.equal(link.messages.length, 1, "not before the relay has a state");
  ack();
  for (const at of [1_000_000, 1_000_001, 1_004_999, 1_005_000]) stream.scanned(at);
  t.same(
    link.messages
      .filter(({ type }) => type === "scanned")
      .map((message) => "scanned_at" in message && message.scanned_at),
    ["1970-01-01T00:16:40.000Z", "1970-01-01T00:16:45.000Z"],
  );
});

t.test("the parts of an update that was overtaken by a new connection are not drawn", async (t) => {
  const stream = new TreeStream("/r");
  const streams: Iterator<AgentMessage, void>[] = [];
  stream.connect({ send: () => {}, stream: (messages) => void streams.push(messages), cutsFiles: true });
  stream.setWatched(true);
  const big = "x".repeat(300_000);
  stream.update(snapshotOf(stateOf("/r", [fileOf("t:a", big), fileOf("t:b", big)])));
  t.match(streams[0]?.next(), { done: false, value: { more: true } });
  stream.disconnect();
  stream.connect(new TestLink());
  t.equal(streams[0]?.next().done, true);
});
