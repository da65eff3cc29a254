import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import t from "tap";
import { CLOSE } from "../../src/protocol/index.js";
import { RELAY_SETTINGS } from "../../src/relay/cli/settings.js";
import { createToken } from "../../src/relay/index.js";
import { type Draining, drain, LAST_SAVE_MS } from "../../src/relay/serving/drain.js";
import { SqliteStore } from "../../src/relay/store/index.js";
import { packagePath } from "../../src/util/index.js";
import { FakeClock } from "../support/fake-clock.js";
import { startProgram } from "../support/program.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { refusedUpgrade } from "../support/watch-client.js";
import { fileOf } from "./support/fake-agent.js";
import { TestRelay } from "./support/relay.js";

const APP = "/home/me/app";

/** Drains by a clock of the test's. @param parts what takes long */
function start(clock: FakeClock, parts: Partial<Draining> = {}, drainMs = 10_000) {
  const steps: unknown[][] = [];
  const note = (...step: unknown[]) => steps.push([clock.monotonicMs(), ...step]);
  let saves = 0;
  const relay: Draining = {
    turnAway: () => note("turn away"),
    save: async (isOver) => {
      saves += 1;
      note("save", saves);
      await parts.save?.(isOver);
    },
    closeSockets: async (withinMs, graceMs) => {
      note("close sockets", withinMs, graceMs);
      await parts.closeSockets?.(withinMs, graceMs);
    },
    closeHttp: async (forMs) => {
      note("close http", forMs);
      await parts.closeHttp?.(forMs);
    },
  };
  const over = drain(relay, drainMs, clock).then(() => note("over"));
  return { steps, over };
}

t.test("states are written before anybody is sent away, and what has changed meanwhile at the end", async (t) => {
  const clock = new FakeClock();
  const { steps, over } = start(clock);
  await over;
  t.same(steps, [
    [0, "turn away"],
    [0, "save", 1],
    [0, "close sockets", 7_500, 2_500],
    [0, "close http", 10_000],
    [0, "save", 2],
    [0, "over"],
  ]);
  t.equal(clock.waiting, 0, "nothing keeps the process");
});

t.test("a save that hangs holds up nobody for longer than its share, and is told so", async (t) => {
  const clock = new FakeClock();
  const told: boolean[] = [];
  const { steps, over } = start(clock, {
    save: (isOver) =>
      new Promise(() => {
        clock.after(2_999, () => told.push(isOver()));
        clock.after(3_001, () => told.push(isOver()));
      }),
  });
  await clock.advance(10_000);
  await over;
  t.same(steps, [
    [0, "turn away"],
    [0, "save", 1],
    [3_000, "close sockets", 4_500, 2_500],
    [3_000, "close http", 7_000],
    [3_000, "save", 2],
    [3_000 + LAST_SAVE_MS, "over"],
  ]);
  t.same(told.slice(0, 2), [false, true]);
});

t.test("in a short time everybody is sent away at once, and requests have what is left", async (t) => {
  const clock = new FakeClock();
  const { steps, over } = start(
    clock,
    { closeSockets: (withinMs, graceMs) => new Promise((done) => clock.after(withinMs + graceMs, done)) },
    1_000,
  );
  await new Promise((resolve) => setImmediate(resolve)); // the save takes no time
  await clock.advance(1_000);
  await over;
  t.match(steps.slice(2, 4), [
    [0, "close sockets", 750, 250],
    [1_000, "close http", 0],
  ]);
});

/** A client to whom the relay's close does not get through until it reads again. */
async function deafClient(relay: TestRelay) {
  const client = await relay.client();
  await client.first();
  client.socket.pause();
  return client;
}

t.test("a relay that drains says so, opens no sockets, and answers requests", async (t) => {
  const relay = await TestRelay.start(t);
  await relay.agent([]);
  const deaf = await deafClient(relay);
  const stopped = relay.stop();
  const ready = await fetch(`${relay.url}/readyz`);
  t.equal(ready.status, 503);
  t.match(ready.headers.get("retry-after"), /^\d+$/);
  const body = (await ready.json()) as { message: string; detail: string };
  t.equal(body.message, "The relay is shutting down.");
  t.match(body.detail, /^draining: [12] sockets are open$/);
  const headers = { "coder-session-token": relay.clientToken };
  const refused = await refusedUpgrade(t, relay.watchUrl(), { headers });
  t.match(refused, { status: 503, headers: { "retry-after": /^\d+$/ }, body: { message: body.message } });
  t.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  t.equal((await fetch(`${relay.url}/chats/${relay.chat}`, { headers })).status, 200);
  deaf.socket.resume();
  await stopped;
  t.equal(await deaf.closed(), CLOSE.goingAway.code);
  await t.rejects(fetch(`${relay.url}/healthz`), "it listens no more");
});

t.test("when an agent is told that the relay goes away, its last state is in the store", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "one")]);
  const client = await relay.client();
  await client.first();
  const store = new SqliteStore(relay.ownDir);
  t.teardown(() => store.close());
  t.notOk(store.treeStates.has(relay.workspace, APP), "it is in memory alone");
  let wasStored: boolean | undefined;
  agent.onClose = () => {
    wasStored = store.treeStates.has(relay.workspace, APP);
  };
  await relay.stop();
  await agent.closed();
  t.equal(wasStored, true);
});

t.test("agents go first, and nobody is told of them who is about to go as well", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "one")]);
  const clients = await Promise.all(Array.from({ length: 25 }, () => relay.client()));
  for (const client of clients) await client.first();
  const order: string[] = [];
  agent.onClose = () => order.push("agent");
  for (const { socket } of clients) socket.on("close", () => order.push("client"));
  await relay.stop();
  await until("all are closed", () => order.length === 26);
  t.ok(order.indexOf("agent") < 10, "it is in the first group");
  for (const client of clients) t.same([client.closeCode, client.errors], [CLOSE.goingAway.code, []]);
});

/** A relay of its own process in which an upload is under way, so that a stop takes as long as it may. */
async function busyRelay(t: Cleanup) {
  const dir = tempDir(t);
  const relay = startProgram(t, "relay", ["serve", "--data-dir", dir, "--listen", "127.0.0.1:0"]);
  const { url } = JSON.parse(await relay.line("the listening line", () => true));
  const token = await createToken(dir, { kind: "client", user: "alice" });
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  t.teardown(() => socket.destroy());
  socket.write(
    `POST /chats/files?organization=33333333-3333-4333-8333-333333333333 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nCoder-Session-Token: ${token}\r\nContent-Type: image/png\r\nContent-Length: 100\r\n\r\n`,
  );
  await once(socket, "data");
  return relay;
}

t.test("a second signal ends the relay at once, whichever it is", async (t) => {
  for (const [first, second] of [
    ["SIGTERM", "SIGINT"],
    ["SIGINT", "SIGINT"],
  ] as const) {
    const relay = await busyRelay(t);
    relay.child.kill(first);
    await until("it stops", () => relay.stderr.includes('"stopping"'));
    t.equal((await relay.stop(second)).signal, second);
  }
});

t.test("what runs the relay waits for as long as it drains", (t) => {
  const settings = RELAY_SETTINGS.settings["drain-seconds"];
  const needed = Number("default" in settings ? settings.default : Number.NaN) + LAST_SAVE_MS / 1_000;
  const unit = readFileSync(packagePath("systemd/treewire-relay.service"), "utf8");
  const compose = readFileSync(packagePath("container/compose.yaml"), "utf8");
  for (const [what, seconds] of [
    ["the unit", /^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]],
    ["the container", /^ {4}stop_grace_period: (\d+)s$/m.exec(compose)?.[1]],
  ]) {
    t.ok(Number(seconds) > needed, `${what} waits ${seconds} s for ${needed}`);
  }
  t.end();
});
