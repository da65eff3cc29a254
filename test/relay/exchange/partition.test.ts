// Two NATS servers that lose each other, with a relay at each: both are what each of them can know, until they meet again.
import t from "tap";
import type { RelayMessage } from "../../../src/protocol/index.js";
import { NatsBus } from "../../../src/relay/exchange/bus/nats-bus.js";
import { BusExchange } from "../../../src/relay/exchange/bus-exchange.js";
import { Hub } from "../../../src/relay/hub/index.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { type Clock, silentLogger, systemClock } from "../../../src/util/index.js";
import { BadLink } from "../../support/bad-network.js";
import { NatsCluster } from "../../support/nats-cluster.js";
import { withoutNats } from "../../support/nats-server.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";

/** Homes say every 30 s that they are: here ten times as often. */
const HURRY = 10;
const HURRIED: Clock = {
  wallMs: () => systemClock.wallMs(),
  monotonicMs: () => HURRY * systemClock.monotonicMs(),
  after: (delayMs, run) => systemClock.after(delayMs / HURRY, run),
};

/** A relay's hub and exchange, at one server. */
async function relayAt(t: Cleanup, server: string, relay: string) {
  const store = new SqliteStore(tempDir(t));
  const { chatRoots, treeStates } = store;
  const hub: Hub = new Hub({
    ...{ chatRoots, treeStates, log: silentLogger(), limits: DEFAULT_LIMITS, lingerMs: 0 },
    follow: (workspace) => {
      const following = exchange.follow(workspace);
      return () => following.stop();
    },
  });
  const bus = await NatsBus.connect({ servers: [server] }, relay);
  const exchange = new BusExchange({ bus, relay, clock: HURRIED, here: hub });
  t.teardown(async () => {
    await exchange.close();
    await store.close();
  });
  const agentIs = async (state: string) => (await exchange.agentState(WORKSPACE)) === state;
  /** An agent comes. @returns how often it was told that another one has taken its place */
  const connect = async () => {
    let replaced = 0;
    const workspace = hub.workspace(WORKSPACE);
    const link = { send: (_message: RelayMessage) => undefined, refuse: () => undefined };
    const hosted = await exchange.host(workspace, {
      link,
      replaced: () => {
        replaced += 1;
        workspace.detach(hosted.local, "disconnected");
        hosted.ended("disconnected");
      },
    });
    workspace.attach(hosted.local, undefined, true);
    hosted.welcomed({ secrets: undefined, compares: true });
    return () => replaced;
  };
  return { connect, agentIs };
}

t.test(
  "two agents of one workspace that could not know of each other find out when servers meet, and the later one stays",
  { skip: withoutNats },
  async (t) => {
    const links: BadLink[] = [];
    const nats = await NatsCluster.start(t, 2, async (port) => {
      const link = await BadLink.open(t, port);
      links.push(link);
      return link.port;
    });
    const [here = "", there = ""] = nats.urls;
    const [one, two] = [await relayAt(t, here, "one"), await relayAt(t, there, "two")];
    const first = await one.connect();
    await until("the relay at the other server knows of it", () => two.agentIs("connected"));
    for (const link of links) link.fail("cut");
    await until("it is out of reach", () => two.agentIs("disconnected"));
    const second = await two.connect();
    t.same([first(), second()], [0, 0], "both go on, for nobody can tell");
    for (const link of links) link.heal();
    await until("one of them gives up", () => first() + second() > 0);
    t.same([first(), second()], [1, 0]);
    await until(
      "all know of the other",
      async () => (await one.agentIs("connected")) && (await two.agentIs("connected")),
    );
    const third = await one.connect();
    await until("it is taken over again", () => second() > 0);
    t.same([first(), second(), third()], [1, 1, 0]);
  },
);
