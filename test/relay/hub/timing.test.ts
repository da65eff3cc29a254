import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
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
  mock.timers.tick(20_000);
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

/** The time of day, which goes on by itself. @returns what sets it ahead, or back */
function shiftTheClock(t: Cleanup): (byMs: number) => void {
  const real = Date.now;
  let ahead = 0;
  Date.now = () => real() + ahead;
  t.teardown(() => {
    Date.now = real;
  });
  return (byMs) => {
    ahead += byMs;
  };
}

const HOUR_MS = 3_600_000;

t.test("a clock that jumps ahead and back, the relay's or an agent's, leaves no time in the future", async (t) => {
  const shift = shiftTheClock(t);
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  const isPresent = (scannedAt = "") => {
    const ms = Date.parse(scannedAt);
    return ms <= Date.now() && ms > Date.now() - HOUR_MS / 2;
  };
  const scanned = (aheadMs: number) => {
    agent.send({ type: "scanned", root: APP, scanned_at: new Date(Date.now() + aheadMs).toISOString() });
  };
  agent.tell(APP, [fileOf("x", "one")], { scanned_at: "2099-01-01T00:00:00Z" });
  const client = await relay.client();
  /** Waits for a frame that has not been here yet and is of now. */
  const nextPresent = (what: string) => {
    const seen = client.changes.length;
    return until(what, () => client.changes.slice(seen).some(({ scanned_at }) => isPresent(scanned_at)), {
      seen: () => client.changes.map(({ scanned_at }) => scanned_at),
    });
  };
  t.ok(isPresent((await client.first()).scanned_at), "the agent's clock is far ahead");
  scanned(HOUR_MS);
  client.refresh();
  await nextPresent("and an hour");
  t.ok(client.changes.every(({ scanned_at }) => isPresent(scanned_at)));

  shift(HOUR_MS);
  scanned(0);
  client.refresh();
  await nextPresent("the relay's own is ahead as well");
  shift(-HOUR_MS);
  client.refresh();
  await nextPresent("and is set back");
  t.ok(isPresent((await (await relay.client()).first()).scanned_at), "for whoever comes then");

  shift(-HOUR_MS);
  await nextPresent("nor does anybody wait for what is due by the clock of before");
  await relay.stop();
  shift(-HOUR_MS);
  const again = await TestRelay.start(t, { dataDir: relay.dataDir });
  const url = `${again.url}/chats/${relay.chat}/git/watch?stale=ok`;
  const stale = await WatchClient.open(t, url, { token: relay.clientToken });
  t.ok(isPresent((await stale.first()).scanned_at), "nor is such a time kept");
});

t.test("how long to wait is at most the window of a limit, also when the clock is set back", async (t) => {
  const shift = shiftTheClock(t);
  const relay = await TestRelay.start(t, { limits: { requestsPerToken: 1, failuresPerAddress: 1 } });
  const get = async (token: string) => {
    const headers = { "coder-session-token": token };
    const { status, headers: got } = await fetch(`${relay.url}/chats/${relay.chat}`, { headers });
    return { status, seconds: Number(got.get("retry-after")) };
  };
  shift(HOUR_MS);
  t.equal((await get(relay.clientToken)).status, 200);
  t.equal((await get("guess")).status, 401);
  shift(-HOUR_MS);
  const over = [await get(relay.clientToken), await get("guess"), await get("guess")];
  t.match(over, [{ status: 429 }, { status: 401 }, { status: 429 }]);
  for (const { seconds } of over) t.ok(seconds <= 60, `${seconds} s`);
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
  let isTold = false;
  const told = client.error(/^the workspace's agent is timeout/).then(() => {
    isTold = true;
  });
  let clientPings = 0;
  client.socket.on("ping", () => {
    clientPings += 1;
  });
  for (let ticks = 0; !isTold && ticks < 5; ticks += 1) {
    // what the agent has said since the last ping, or is yet to be sent, gives it one more interval
    const before = clientPings;
    mock.timers.tick(15_000);
    await until("the client is pinged, or told", () => isTold || clientPings > before);
    await sleep(50); // its own answer is on its way
  }
  await told;
  t.ok(agent.pings > 0);
  const headers = { "coder-session-token": relay.clientToken };
  const refused = await refusedUpgrade(t, relay.watchUrl(), { headers });
  t.same(refused.body, { message: 'Agent state is "timeout", it must be in the "connected" state.' });
});

t.test("a client that stops reading holds up nobody, and gets the newest state when it reads on", async (t) => {
  // the agent sends a megabyte in one frame, forty times: how often it may do that is another test's business
  const relay = await TestRelay.start(t, { limits: { agentStallMsPerSecond: 1_000 } });
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
