import t from "tap";
import { Service } from "../../src/agent/service.js";
import type { TunnelStatus } from "../../src/agent/tunnel.js";
import { createLogger, silentLogger } from "../../src/util/index.js";
import { notifySocket, withoutNotifySocket } from "../support/notify-socket.js";
import { startProgram } from "../support/program.js";
import type { Cleanup } from "../support/temp.js";
import { until } from "../support/until.js";

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
  t.teardown(() => service.stopping());
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

  t.test("it is alive as long as the worker answers, and not a moment longer", async (t) => {
    let asked = 0;
    let stuck = false;
    const ping = () => {
      asked += 1;
      return stuck ? new Promise<void>(() => {}) : Promise.resolve();
    };
    const { messages } = await started(t, ping, { WATCHDOG_USEC: "150000" });
    const beats = () => messages.filter((message) => message.WATCHDOG === "1").length;
    await until("three signs of life", () => beats() >= 3);
    stuck = true;
    const before = asked;
    await until("the worker was asked again", () => asked > before);
    const last = beats();
    // a message that systemd sends through is the clock: by then a sign of life would have come
    const { service } = await started(t, ping);
    service.onTunnel(status("connected"));
    await until("a beat that was on its way", () => beats() <= last + 1);
    const settled = beats();
    for (let round = 0; round < 5; round += 1) await service.reload(() => {});
    t.equal(beats(), settled, "no further sign of life");
    t.equal(asked, before + 1, "and the stuck worker is not asked again");
  });

  t.test("the program says READY, STATUS and WATCHDOG in time", async (t) => {
    const { path, messages } = await notifySocket(t);
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "600000", TREEWIRE_AGENT_TOKEN: "x" };
    const agent = startProgram(t, "agent", ["--relay", "http://127.0.0.1:9"], { env });
    await until("READY", () => messages.find((message) => message.READY === "1"), { seen: () => messages });
    t.match(messages[0]?.STATUS, /^trying again and again: 127\.0\.0\.1:9: the relay cannot be reached/);
    await until("two signs of life", () => messages.filter((message) => message.WATCHDOG === "1").length >= 2);
    agent.child.kill("SIGTERM");
    await agent.exit();
    t.match(messages.at(-1), { STOPPING: "1" });
  });
});

t.test("without systemd it says nothing", async (t) => {
  const service = new Service({ logger: silentLogger(), relay: "r", ping: async () => {}, environment: {} });
  service.onTunnel(status("connected"));
  await service.reload(() => t.pass("a reload is a reload all the same"));
  service.stopping();
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
