import { mock } from "node:test";
import t from "tap";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { refusedUpgrade, WatchClient } from "../../support/watch-client.js";
import { FakeAgent, fileOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";

const APP = "/home/me/app";

/** Intervals and the time of day go by hand from here on; sockets and the tests' own deadlines do not. */
function stopTheClock(t: Cleanup): void {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.parse("2026-03-05T10:00:00Z") });
  t.teardown(() => mock.timers.reset());
}

t.test("when nothing changes, a frame with scanned_at alone goes out at least every 30 s", async (t) => {
  stopTheClock(t);
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [], { scanned_at: "2026-03-05T10:00:00Z" });
  const client = await relay.client();
  await client.first();
  agent.send({ type: "scanned", root: APP, scanned_at: "2026-03-05T10:00:20Z" });
  client.refresh();
  await client.changesFrame(2);
  mock.timers.tick(20_000);
  client.socket.send("{}");
  await client.error(/unknown/);
  t.equal(client.changes.length, 2, "not before its time");
  mock.timers.tick(10_000);
  t.same(await client.changesFrame(3), { type: "changes", scanned_at: "2026-03-05T10:00:20.000Z" });
  mock.timers.tick(30_000);
  await client.changesFrame(4);
});

t.test("a client and an agent that answer no ping are closed", async (t) => {
  stopTheClock(t);
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "1")]);
  const silent = await WatchClient.open(t, relay.watchUrl(), {
    headers: { "coder-session-token": relay.clientToken },
    autoPong: false,
  });
  const good = await relay.client();
  await silent.first();
  await good.first();
  const ping = async () => {
    const seen = Promise.all(
      [silent, good].map(({ socket }) => new Promise((resolve) => socket.once("ping", resolve))),
    );
    mock.timers.tick(15_000);
    await seen;
  };
  await ping();
  good.refresh();
  await good.changesFrame(2); // its pong came before
  agent.send({ type: "scanned", root: APP, scanned_at: new Date().toISOString() });
  mock.timers.tick(15_000);
  t.equal(await silent.closed(), 1006);
  t.equal(good.closeCode, undefined);
});

t.test("an agent that answers no ping is closed, and its state is timeout", async (t) => {
  stopTheClock(t);
  const relay = await TestRelay.start(t);
  const agent = await FakeAgent.connect(t, relay.url, relay.agentToken, { autoPong: false, rootsOf: () => [] });
  const client = await relay.client();
  await client.first();
  const answered = agent.all("welcome").length;
  t.equal(answered, 1);
  mock.timers.tick(15_000);
  await until("the relay has pinged", () => agent.pings > 0);
  mock.timers.tick(15_000);
  await client.error(/^the workspace's agent is timeout/);
  const headers = { "coder-session-token": relay.clientToken };
  const refused = await refusedUpgrade(t, relay.watchUrl(), { headers });
  t.same(refused.body, { message: 'Agent state is "timeout", it must be in the "connected" state.' });
});

t.test("a client that stops reading holds up nobody, and gets the newest state when it reads on", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const headers = { "coder-session-token": relay.clientToken };
  const stalled = await WatchClient.open(t, relay.watchUrl(), { headers, perMessageDeflate: false });
  const good = await relay.client();
  await stalled.first();
  await good.first();
  stalled.socket.pause();
  const updates = 40;
  for (let count = 1; count <= updates; count += 1) {
    agent.tell(APP, [fileOf("x", `${"x".repeat(1024 * 1024)}\n+update ${count} of ${updates}`)]);
    await agent.next("ack", count + 1);
  }
  await good.diffWith(APP, `update ${updates} of`);
  stalled.socket.resume();
  await stalled.diffWith(APP, `update ${updates} of`);
  t.ok(stalled.changes.length < updates / 2, `it saw ${stalled.changes.length} of ${updates} states`);
});

t.test("clients that are told the same thing share one frame, however many they are", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const clients = await Promise.all(Array.from({ length: 20 }, () => relay.client()));
  await Promise.all(clients.map((client) => client.first()));
  agent.tell(APP, [fileOf("x", "for all")]);
  await Promise.all(clients.map((client) => client.diffWith(APP, "for all")));
  await until("each got two frames", () => clients.every(({ changes }) => changes.length === 2));
  t.equal(agent.all("watch").length, 1, "twenty viewers cost the workspace what one costs");
});
