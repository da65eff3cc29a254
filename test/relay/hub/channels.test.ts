import t from "tap";
import { Channel } from "../../../src/relay/hub/channel.js";
import { Channels } from "../../../src/relay/hub/channels.js";
import { FakeHost } from "../support/fake-host.js";
import { stateOf } from "../support/states.js";

t.test("channels are found by their chat and by each of their trees", (t) => {
  const channels = new Channels();
  const [one, two] = ["one", "two"].map((chat) => new Channel(new FakeHost(), chat, []));
  if (one === undefined || two === undefined) throw new Error("two channels");
  channels.add(one);
  channels.add(two);
  t.same(channels.withRoot("/a"), []);
  channels.setRoots(one, ["/a", "/b"]);
  channels.setRoots(two, ["/b"]);
  t.same(channels.withRoot("/a"), [one]);
  t.same(channels.withRoot("/b"), [one, two]);
  t.equal(channels.get("two"), two);
  t.ok(channels.delete(one));
  t.notOk(channels.delete(one));
  t.same([...channels], [two]);
  t.same(channels.withRoot("/b"), [two]);
  const again = new Channel(new FakeHost(), "two", []);
  t.notOk(channels.delete(again), "another channel of the same chat stays");
  t.equal(channels.size, 1);
  t.end();
});

t.test("a channel shows what is known of its own trees alone", (t) => {
  const host = new FakeHost();
  const channel = new Channel(host, "chat", []);
  for (const root of ["/a", "/b"]) host.held.set(root, stateOf([], { root }));
  t.notOk(channel.knowsRoots);
  t.notOk(channel.isSettled());
  t.notOk(channel.hasNoMore("/a"), "nobody knows yet");
  channel.setRoots(["/a", "/unread"]);
  t.ok(channel.knowsRoots);
  t.same(
    channel.states().map(({ root }) => root),
    ["/a"],
  );
  t.equal(channel.view("/b"), undefined);
  t.equal(channel.view("/a"), channel.views()[0]);
  t.ok(channel.hasNoMore("/b"));
  t.same(channel.tombstones(), ["/former"]);
  t.end();
});

t.test("a channel is settled when each of its trees is confirmed, or has failed", (t) => {
  const host = new FakeHost();
  const channel = new Channel(host, "chat", []);
  channel.setRoots(["/a", "/b"]);
  host.live = new Set(["/a"]);
  t.notOk(channel.isSettled());
  channel.addTrouble("/b", "damaged");
  t.ok(channel.isSettled());
  t.same(channel.troubles(), ["damaged"]);
  channel.clearTrouble("/b");
  t.notOk(channel.isSettled());
  t.end();
});

t.test("troubles stand until they pass: a tree's until it goes or is read, the chat's until the next list", (t) => {
  const channel = new Channel(new FakeHost(), "chat", []);
  channel.setRoots(["/a", "/b"]);
  channel.addTrouble("", "a path is missing");
  channel.addTrouble("/a", "damaged");
  channel.setRoots(["/b"]);
  t.same(channel.troubles(), ["a path is missing"]);
  channel.renewTroubles();
  t.same(channel.troubles(), []);
  for (let count = 0; count < 200; count += 1) channel.addTrouble("", `trouble ${count}`);
  t.equal(channel.troubles().length, 100, "so many are kept for viewers to come");
  t.end();
});

t.test(
  "a frame is as old as the newest tree that it carries, or as the oldest of all when it carries none",
  async (t) => {
    const host = new FakeHost();
    const channel = new Channel(host, "chat", []);
    for (const root of ["/a", "/b"]) host.held.set(root, stateOf([], { root }));
    channel.setRoots(["/a", "/b"]);
    host.times.set("/a", 1_000).set("/b", 2_000);
    t.equal(channel.scannedAt(["/a", "/b"], false), 2_000);
    t.equal(channel.scannedAt(["/a"], false), 1_000);
    t.equal(channel.scannedAt([], false), 1_000);
    const barrier = channel.barrier();
    const clock = Date.now;
    const passedAt = clock() + 60_000;
    Date.now = () => passedAt;
    t.teardown(() => {
      Date.now = clock;
    });
    host.asked[0]?.(passedAt);
    await barrier;
    t.equal(channel.scannedAt([], true), passedAt, "an answer to a refresh is as old as its barrier");
  },
);
