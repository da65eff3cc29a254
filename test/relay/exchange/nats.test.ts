// Two relays in this process, and a NATS server between them: agents and clients are at either.
import { randomBytes, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import t from "tap";
import { CLOSE } from "../../../src/protocol/index.js";
import { bindChat, type RelayOptions } from "../../../src/relay/index.js";
import { NatsServer, withoutNats } from "../../support/nats-server.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { refusedUpgrade, WatchClient } from "../../support/watch-client.js";
import { CoderClient } from "../support/coder-client.js";
import { type FakeAgent, fileOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";

const APP = "/home/me/app";

/** Relays with the workspace and the chat of the first. */
async function startRelays(t: Cleanup, more: Partial<RelayOptions> = {}) {
  const server = await NatsServer.start(t);
  const metricsListen = { host: "127.0.0.1", port: 0 };
  const options = { nats: { servers: [server.url] }, lingerMs: 0, metricsListen, ...more };
  const [one, two] = [await TestRelay.start(t, options), await TestRelay.start(t, options)];
  await two.newAgentToken(one.workspace);
  await bindChat(two.dataDir, { chat: one.chat, workspace: one.workspace, owner: "alice" });
  return {
    server,
    one,
    two,
    agentAt: async (relay: TestRelay) => relay.agent([APP], await relay.newAgentToken(one.workspace)),
    clientAt: (relay: TestRelay) => WatchClient.watch(t, relay.url, one.chat, relay.clientToken),
  };
}

/** Has an agent show one file. Each agent's states are of an epoch of its own, as those of real ones are. */
function tell(agent: FakeAgent, text: string): void {
  if (!agent.trees.has(APP)) agent.trees.set(APP, { files: [], epoch: `epoch-${randomUUID()}`, seq: 0 });
  agent.tell(APP, [fileOf("x", text)]);
}

/** A metric of a relay. */
async function metricOf({ metricsUrl }: TestRelay, name: string): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

const sees = (client: WatchClient, text: string) => client.diffWith(APP, text);

t.test("relays at one NATS server", { skip: withoutNats }, async (t) => {
  t.test("a client sees what an agent at another relay sends, and a refresh covers it", async (t) => {
    const { one, two, agentAt, clientAt } = await startRelays(t);
    const refused = await refusedUpgrade(t, two.watchUrl(one.chat), { token: two.clientToken });
    t.equal(refused.status, 400, "no agent is anywhere");
    const agent = await agentAt(one);
    tell(agent, "one");
    const client = await clientAt(two);
    await sees(client, "+one");
    tell(agent, "two");
    client.refresh();
    await sees(client, "+two");
    const long = randomBytes(1_800_000).toString("base64"); // packed it is longer than the server takes at once
    tell(agent, long);
    await sees(client, `+${long}`);
    client.socket.close();
    await agent.next("unwatch");
  });

  t.test("an agent that comes to another relay takes the workspace there, with its clients at both", async (t) => {
    const { one, two, agentAt, clientAt } = await startRelays(t);
    const first = await agentAt(one);
    tell(first, "first");
    const clients = [await clientAt(one), await clientAt(two)];
    for (const client of clients) await sees(client, "+first");
    const second = await agentAt(two);
    t.equal(await first.closed(), CLOSE.replaced.code);
    tell(second, "second");
    for (const client of clients) await sees(client, "+second");
    second.vanish();
    for (const client of clients) {
      await until("the client hears that it is away", () => client.errors.some((error) => error.includes("agent is")));
    }
  });

  t.test("a NATS server that dies and comes back costs time, and no state", async (t) => {
    const { server, one, two, agentAt, clientAt } = await startRelays(t);
    const agent = await agentAt(one);
    tell(agent, "one");
    const here = await clientAt(one);
    const away = await clientAt(two);
    for (const client of [here, away]) await sees(client, "+one");
    const ready = async () => {
      const response = await fetch(`${two.url}/readyz`);
      return [response.status, await response.json()];
    };
    t.same(await ready(), [200, { status: "ready" }]);
    await server.kill();
    tell(agent, "two");
    await sees(here, "+two");
    const cutOff = { status: "ready", detail: "other relays cannot be reached" };
    await until("who asks is told", async () => isDeepStrictEqual(await ready(), [200, cutOff]), { seen: ready });
    t.equal(await metricOf(two, "treewire_nats_connected"), 0);
    await server.restart();
    await sees(away, "+two");
    t.same(await ready(), [200, { status: "ready" }]);
    t.equal(await metricOf(two, "treewire_nats_connected"), 1);
    t.equal(await metricOf(two, "treewire_exchange_followed"), 1);
    t.equal(await metricOf(one, "treewire_exchange_hosted"), 1);
    t.ok((await metricOf(two, "treewire_exchange_syncs_total")) > 0);
    tell(agent, "three");
    for (const client of [here, away]) await sees(client, "+three");
  });

  t.test("lists of chats and those who are told of them know of agents at other relays", async (t) => {
    const { one, two, agentAt, clientAt } = await startRelays(t);
    const coder = new CoderClient(t, two.url, two.clientToken);
    t.match(await coder.chat(one.chat), { status: "waiting", diff_statuses: [] });
    const agent = await agentAt(one);
    await clientAt(one);
    agent.tell(APP, [fileOf("x", "one", { additions: 3 })]);
    await until("it is shown", async () => (await coder.chat(one.chat)).diff_statuses?.length === 1, {
      seen: () => coder.chat(one.chat),
    });
    const shown = { status: "running", diff_status: { additions: 3, changed_files: 1 } };
    t.match(await coder.chat(one.chat), shown);
    t.match(
      (await coder.chats()).find(({ id }) => id === one.chat),
      shown,
    );
    const events = await coder.watch();
    await until("the feed says so", () => events.received.some(({ chat }) => chat.status === "running"), {
      seen: () => events.received,
    });
  });

  t.test("whoever guesses tokens at one relay is refused by all", async (t) => {
    const { one, two } = await startRelays(t, { limits: { failuresPerAddress: 3 } });
    const guess = async ({ url }: TestRelay) => {
      const headers = { "coder-session-token": "twc_guess_guess" };
      return (await fetch(`${url}/chats`, { headers })).status;
    };
    for (let guesses = 0; guesses < 4; guesses += 1) t.equal(await guess(one), 401);
    await until("it is told", async () => {
      const { status } = await fetch(`${two.url}/chats`, { headers: { "coder-session-token": two.clientToken } });
      return status === 429;
    });
    t.equal(await guess(one), 429);
  });

  t.test("a relay that stops sends its agent on, and who watches elsewhere hears nothing of it", async (t) => {
    const { one, two, agentAt, clientAt } = await startRelays(t);
    const agent = await agentAt(one);
    tell(agent, "one");
    const client = await clientAt(two);
    await sees(client, "+one");
    await one.stop();
    t.equal(await agent.closed(), CLOSE.goingAway.code);
    const next = await agentAt(two);
    tell(next, "two");
    await sees(client, "+two");
    t.same(client.errors, []);
  });
});
