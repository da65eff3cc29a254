// Relays in processes of their own and real NATS servers: either is killed, or frozen, while files are written and clients refresh.
// `npm run faults:cluster` goes through more rounds, as a seed that it draws decides.
import { randomUUID } from "node:crypto";
import t from "tap";
import { NatsCluster } from "../../support/nats-cluster.js";
import { withoutNats } from "../../support/nats-server.js";
import { drawSeed, Random, SEED } from "../../support/random.js";
import { until } from "../../support/until.js";
import { WatchClient } from "../../support/watch-client.js";
import { RelayProcess, shownBy, WanderingAgent } from "./support/relays.js";

/** Those that are frozen go on after {@link FROZEN_MS}, longer than silence takes to be noticed. */
const VICTIMS = [
  "the home and a server",
  "a server",
  "all servers",
  "the home",
  "a follower",
  "a frozen server",
  "the frozen home",
  "a frozen follower",
  "a frozen follower and a server",
] as const;
type Victim = (typeof VICTIMS)[number];
const FROZEN_MS = 7_000;

const isLong = process.env.CHAOS_RUNS !== undefined;
const seed = isLong ? drawSeed() : SEED;
const ROUNDS = isLong ? Number(process.env.ROUNDS ?? 100) : 1;
/** When nothing goes wrong any more, all are shown the last write within so long: on a machine with nothing else to do. */
const CALM_MS = isLong ? 5_000 : 60_000;
/** After so many rounds a relay has compiled and loaded what it needs, and may hold so much more at the end. */
const WARM_ROUNDS = 5;
const GROWTH_BYTES = 4 * 1024 * 1024;

const workspace = randomUUID();
const chat = randomUUID();

t.test("killed relays and servers let no barrier pass early", { skip: withoutNats, timeout: 7_200_000 }, async (t) => {
  const random = new Random(seed);
  const nats = await NatsCluster.start(t, 3);
  const relays = nats.servers.map(() => new RelayProcess(t, nats.urls));
  for (const relay of relays) {
    await relay.prepare(workspace, chat);
    await relay.start();
  }
  const [witness, ...mortal] = relays;
  if (witness === undefined) throw new Error("there are three");
  const agent = new WanderingAgent(t);
  await agent.connect(random.pick(mortal));
  const clients = new Map<RelayProcess, WatchClient>();
  const watchAll = async () => {
    for (const relay of relays) {
      if (clients.get(relay)?.closeCode === undefined && clients.has(relay)) continue;
      clients.set(relay, await WatchClient.watch(t, relay.url, chat, relay.clientToken));
    }
  };
  await watchAll();
  let refreshes = 0;
  let passed = 0;
  let slowestMs = 0;
  const held: number[] = [];
  const wrong: string[] = [];

  /** Writes, and refreshes everywhere. @returns when each has its answer, or has lost its relay */
  const writeAndRefresh = async () => {
    agent.write();
    const { written } = agent;
    const asked = [...clients.values()].filter(({ closeCode }) => closeCode === undefined);
    await Promise.all(
      asked.map(async (client) => {
        refreshes += 1;
        const id = String(refreshes);
        client.socket.send(JSON.stringify({ type: "refresh", id }));
        const answer = await until(
          "a refresh is answered",
          () =>
            client.messages.find(({ answers = [] }) => answers.includes(id)) ??
            (client.closeCode !== undefined && "lost"),
          { seen: () => client.messages.slice(-3) },
        );
        if (answer === "lost" || answer.type === "error") return;
        passed += 1;
        if (!(shownBy(client) >= written)) wrong.push(`refresh ${id}: ${shownBy(client)} for ${written}`);
      }),
    );
  };

  /** @returns when it is back, and the agent is at a relay */
  const strike = async (victim: Victim) => {
    // the witness lives through all rounds: a home that it is stays
    const home = agent.home === witness ? undefined : agent.home;
    const followers = mortal.filter((relay) => relay !== agent.home);
    const relay = victim.includes("home") ? home : victim.includes("follower") ? random.pick(followers) : undefined;
    const servers =
      victim === "all servers" ? nats.servers : victim.includes("server") ? [random.pick(nats.servers)] : [];
    const isFrozen = victim.includes("frozen");
    const thawed = [
      ...(isFrozen && relay !== undefined ? [relay.freeze(FROZEN_MS)] : []),
      ...(victim === "a frozen server" ? servers.map((server) => server.freeze(FROZEN_MS)) : []),
    ];
    const killed = victim === "a frozen server" ? [] : servers;
    if (!isFrozen) await relay?.kill();
    for (const server of killed) await server.kill();
    await writeAndRefresh();
    for (const server of killed) await server.restart();
    if (!isFrozen && relay !== undefined) {
      if (relay === home) {
        await until("the agent has lost its relay", () => agent.home === undefined);
        await agent.connect(random.pick(relays.filter((other) => other !== relay)));
      }
      await writeAndRefresh();
      await relay.start();
    }
    await Promise.all(thawed);
  };

  for (let round = 0; round < ROUNDS; round += 1) {
    const victim = isLong ? random.pick(VICTIMS) : VICTIMS[0];
    await writeAndRefresh();
    const under = writeAndRefresh();
    await strike(victim);
    await under;
    await watchAll();
    agent.write();
    const calmAt = performance.now();
    for (const client of clients.values()) {
      await until(`the last write is seen after ${victim}`, () => shownBy(client) === agent.written, {
        deadlineMs: CALM_MS,
        seen: () => client.messages.slice(-3),
      });
    }
    slowestMs = Math.max(slowestMs, performance.now() - calmAt);
    for (const client of clients.values()) client.messages.splice(0, client.messages.length - 10); // the test's own
    if (round >= WARM_ROUNDS) held.push(await witness.heldBytes());
  }
  t.same(wrong, []);
  t.ok(passed > 0);
  for (const client of clients.values()) client.socket.close();
  agent.leave();
  const listening = () => nats.subscriptions();
  await until(
    "nobody listens for the workspace any more",
    async () => (await listening()).every(({ subject }) => !subject.includes(workspace)),
    { seen: listening },
  );
  const byRelay = new Map<string, number>();
  for (const { client } of await listening()) byRelay.set(client, (byRelay.get(client) ?? 0) + 1);
  t.same(
    [...byRelay.values()],
    [...byRelay.values()].map(() => 3),
    "what each has for itself: relays, answers, abuse",
  );
  t.equal(byRelay.size, relays.length);
  const growth = lowest(held.slice(-WARM_ROUNDS)) - lowest(held.slice(0, WARM_ROUNDS));
  if (held.length > WARM_ROUNDS)
    t.ok(growth <= GROWTH_BYTES, `a relay that lived through it holds ${growth} bytes more`);
  const figures = `${passed} of ${refreshes} barriers passed, ${wrong.length} early; all right within ${slowestMs.toFixed(0)} ms`;
  t.comment(`${ROUNDS} rounds from ${seed}: ${figures}; ${held.length > 0 ? growth : "no"} bytes more held`);
});

function lowest(values: readonly number[]): number {
  return Math.min(...values);
}
