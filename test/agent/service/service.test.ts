import t from "tap";
import { Service } from "../../../src/agent/service/service.js";
import type { TunnelStatus } from "../../../src/agent/tunnel/tunnel.js";
import { createLogger, silentLogger } from "../../../src/util/index.js";
import { FakeRelay } from "../../support/fake-relay.js";
import { Inspector } from "../../support/inspector.js";
import { notifySocket, withoutNotifySocket } from "../../support/notify-socket.js";
import { startProgram } from "../../support/program.js";
import { createRepo } from "../../support/repo.js";
import { ALLOW_TEMP, type Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";

const CHAT = "10000000-0000-4000-8000-000000000001";
/** Between two signs of life; a third of what systemd allows. Milliseconds. */
const INTERVAL_MS = 100;

const status = (state: TunnelStatus["state"], problem?: string): TunnelStatus => {
  return { state, since: 0, ...(problem !== undefined && { problem }) };
};

/** A service whose notify socket the test holds. */
async function started(t: Cleanup, ping: () => Promise<void>, environment: NodeJS.ProcessEnv = {}) {
  const { path, messages } = await notifySocket(t);
  const service = new Service({
    logger: silentLogger(),
    relay: "relay.example",
    ping,
    environment: { PATH: process.env.PATH, NOTIFY_SOCKET: path, ...environment },
  });
  t.teardown(() => void service.stopping());
  const nth = (count: number) => until(`message ${count}`, () => messages[count - 1], { seen: () => messages });
  return { service, messages, nth };
}

t.test("systemd", { skip: withoutNotifySocket }, async (t) => {
  t.test("it is ready once connected, and says in words how it is", async (t) => {
    const { service, messages, nth } = await started(t, async () => {});
    service.onTunnel(status("connecting"));
    service.onTunnel(status("connected"));
    t.same(await nth(1), { READY: "1", STATUS: "connected to relay.example" });
    service.onTunnel(status("waiting", "relay.example: cannot be reached"));
    t.same(await nth(2), { STATUS: "trying again and again: relay.example: cannot be reached" });
    service.onTunnel(status("connecting", "relay.example: cannot be reached"));
    service.onTunnel(status("waiting", "relay.example: cannot be reached"));
    service.onTunnel(status("connected"));
    t.same(await nth(3), { STATUS: "connected to relay.example" }, "the same failure is told once");
    t.equal(messages.length, 3);
  });

  t.test("it is ready too when it is known to be trying", async (t) => {
    const { service, nth } = await started(t, async () => {});
    service.onTunnel(status("connecting"));
    service.onTunnel(status("waiting", "no network"));
    t.same(await nth(1), { READY: "1", STATUS: "trying again and again: no network" });
  });

  t.test("a reload begins and ends", async (t) => {
    const { service, nth } = await started(t, async () => {});
    service.onTunnel(status("connected"));
    await nth(1);
    let reloaded = false;
    await service.reload(() => {
      reloaded = true;
    });
    t.ok(reloaded);
    t.match(await nth(2), { RELOADING: "1", MONOTONIC_USEC: /^\d+$/ });
    t.match(await nth(3), { READY: "1" });
  });

  t.test("a worker that has not answered is not asked again, and no sign of life is sent", async (t) => {
    let asked = 0;
    let answer = () => {};
    const ping = () => {
      asked += 1;
      return new Promise<void>((resolve) => {
        answer = resolve;
      });
    };
    const { service, messages, nth } = await started(t, ping, { WATCHDOG_USEC: "30000" });
    await until("the worker is asked", () => asked > 0);
    service.onTunnel(status("connected"));
    await nth(1);
    await service.reload(() => {});
    t.same([asked, messages.filter((message) => message.WATCHDOG === "1").length], [1, 0]);
    answer();
    await until("a sign of life", () => messages.find((message) => message.WATCHDOG === "1"));
    await until("the next question", () => asked === 2);
  });

  t.test("the program says READY, STATUS, RELOADING and STOPPING in time", async (t) => {
    const { path, messages } = await notifySocket(t);
    const env = { NOTIFY_SOCKET: path, TREEWIRE_AGENT_TOKEN: "x" };
    const agent = startProgram(t, "agent", ["--relay", "http://127.0.0.1:9"], { env });
    const says = (name: string) =>
      until(name, () => messages.find((message) => message[name] === "1"), { seen: () => messages });
    const ready = await says("READY");
    t.match(ready.STATUS, /^trying again and again: 127\.0\.0\.1:9: the relay cannot be reached/);
    agent.child.kill("SIGHUP");
    await says("RELOADING");
    await until("READY again", () => messages.filter((message) => message.READY === "1").length === 2);
    t.same(await agent.stop(), { status: 0, signal: null });
    t.match(await says("STOPPING"), { STATUS: "leaving" });
  });

  t.test("the program says WATCHDOG in time, until its worker is stuck", async (t) => {
    const { path, messages } = await notifySocket(t);
    const relay = await FakeRelay.start(t);
    const env = {
      ...ALLOW_TEMP,
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: String(INTERVAL_MS * 3 * 1000),
      TREEWIRE_AGENT_TOKEN: "x",
      NODE_OPTIONS: "--inspect=127.0.0.1:0",
    };
    const agent = startProgram(t, "agent", ["--relay", relay.url], { env });
    const connection = await relay.connection();
    connection.welcome();
    connection.send({ type: "watch", chat: CHAT, paths: [createRepo(t, { a: "1\n" }).root] });
    await connection.nth("tree", 1);
    const beats = () => messages.filter((message) => message.WATCHDOG === "1").length;
    await until("three signs of life", () => beats() >= 3, { seen: () => messages });

    const inspector = await Inspector.attach(t, agent);
    await inspector.blockWorker();
    // by the agent's own clock: one sign of life may have been on its way
    await inspector.turn(2 * INTERVAL_MS);
    agent.child.kill("SIGHUP");
    await until("what was on its way", () => messages.some((message) => message.RELOADING === "1"));
    const last = beats();
    await inspector.turn(5 * INTERVAL_MS);
    agent.child.kill("SIGHUP");
    await until("the next message", () => messages.filter((message) => message.RELOADING === "1").length === 2);
    t.equal(beats(), last, "the main thread's loop turns, and systemd hears of no life");
  });
});

t.test("without systemd it says nothing", async (t) => {
  const service = new Service({ logger: silentLogger(), relay: "r", ping: async () => {}, environment: {} });
  service.onTunnel(status("connected"));
  await service.reload(() => t.pass("a reload is a reload all the same"));
  await service.stopping();
});

t.test("a systemd that cannot be told is logged once, and nothing else happens", async (t) => {
  const lines: string[] = [];
  const logger = createLogger("agent", "warn", { write: (line) => void lines.push(line) });
  const environment = { PATH: "/nowhere", NOTIFY_SOCKET: "/nowhere" };
  const service = new Service({ logger, relay: "r", ping: async () => {}, environment });
  await service.reload(() => {});
  service.onTunnel(status("connected"));
  await service.reload(() => {});
  t.equal(lines.length, 1);
  t.match(lines[0], /systemd cannot be told/);
});
