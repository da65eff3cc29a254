// What holds of every exchange, whether or not there are other relays.
import t from "tap";
import type { RelayMessage } from "../../../src/protocol/index.js";
import { BusExchange } from "../../../src/relay/exchange/bus-exchange.js";
import { type AgentReport, type Exchange, type Here, LocalExchange } from "../../../src/relay/exchange/index.js";
import { Hub } from "../../../src/relay/hub/index.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import { Random } from "../../support/random.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { showChat } from "../support/attentive-client.js";
import { fileOf } from "../support/fake-agent.js";
import { APP, SCANNED_AT, updateOf } from "../support/states.js";
import { ChaosNet } from "./support/chaos-net.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const CHAT = "33333333-3333-4333-8333-333333333333";

type Make = (clock: FakeClock, hub: Hub) => Exchange;

const EXCHANGES: Record<string, Make> = {
  "one relay alone": (_clock, hub) => new LocalExchange(hub),
  "a relay among others that know nothing of the workspace": (clock, hub) => {
    const net = new ChaosNet(new Random(1), clock);
    const nothing: Here = { agentState: () => "disconnected", treeCounts: () => [] };
    const exchangeOf = (relay: string, here: Here) => new BusExchange({ bus: net.bus(), relay, clock, here });
    exchangeOf("other", nothing);
    return exchangeOf("this", hub);
  },
};

function relayOf(t: Cleanup, make: Make) {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const { chatRoots, treeStates } = store;
  const clock = new FakeClock();
  const hub: Hub = new Hub({
    ...{ chatRoots, treeStates, log: silentLogger(), limits: DEFAULT_LIMITS, lingerMs: 0 },
    follow: (workspace) => {
      const following = exchange.follow(workspace);
      return () => following.stop();
    },
  });
  const exchange = make(clock, hub);
  /** What a client is shown. */
  const watch = () => showChat(hub, WORKSPACE, CHAT);
  return { hub, exchange, clock, watch };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** An agent connects, as its tunnel has it. */
async function connect({ hub, exchange, clock }: ReturnType<typeof relayOf>, replaced: () => void) {
  const sent: RelayMessage[] = [];
  const workspace = hub.workspace(WORKSPACE);
  const link = { send: (message: RelayMessage) => sent.push(message), refuse: () => undefined };
  const hosting = Promise.resolve(exchange.host(workspace, { link, replaced }));
  await clock.advance(50);
  const hosted = await hosting;
  workspace.attach(hosted.local, undefined, true);
  workspace.resume();
  hosted.welcomed({ secrets: undefined, compares: true });
  await nextTurn();
  const say = (message: AgentReport) => {
    workspace.receive(hosted.local, message);
    hosted.said(message);
  };
  const lose = () => {
    workspace.detach(hosted.local, "timeout");
    hosted.ended("timeout");
  };
  return { sent, say, lose };
}

for (const [name, make] of Object.entries(EXCHANGES)) {
  t.test(name, async (t) => {
    t.test("an agent is welcomed, shown, and lost with the reason", async (t) => {
      const relay = relayOf(t, make);
      const { exchange, clock, watch } = relay;
      t.equal(exchange.isConnected, true);
      const state = async () => {
        const asked = Promise.resolve(exchange.agentState(WORKSPACE));
        await clock.advance(50);
        return await asked;
      };
      t.equal(await state(), "disconnected");
      const { frames } = watch();
      await clock.advance(5_000);
      const { sent, say, lose } = await connect(relay, () => t.fail("nobody else is there"));
      t.equal(await state(), "connected");
      t.same(
        sent.map(({ type }) => type),
        ["watch", "refresh"],
      );
      say({ type: "chat", chat: CHAT, roots: [APP] });
      say(updateOf([fileOf("x", "one")]));
      say({ type: "refreshed", id: 1, scanned_at: SCANNED_AT });
      await nextTurn();
      t.match(frames, [{ type: "changes", repositories: [{ repo_root: APP }] }]);
      const { hasAgent, counts } = await exchange.activity(WORKSPACE, [CHAT, WORKSPACE]);
      t.equal(hasAgent, true);
      t.match([counts.get(CHAT), counts.get(WORKSPACE)], [[{ root: APP, changedFiles: 1, additions: 1 }], []]);
      lose();
      await clock.advance(20_000);
      await nextTurn();
      t.match(frames[1], { type: "error", message: /the workspace's agent is timeout/ });
      t.equal(frames.length, 2, "it is said once");
      t.equal(await state(), "timeout");
      await exchange.close();
    });

    t.test("a chat that is watched by several clients is asked for once, and until the last has left", async (t) => {
      const relay = relayOf(t, make);
      const { sent } = await connect(relay, () => t.fail("nobody else is there"));
      const { viewer } = relay.watch();
      const other = relay.watch();
      relay.hub.leave(viewer, { mayReturn: false });
      await relay.clock.advance(10);
      const asked = () => sent.flatMap(({ type }) => (type === "refresh" ? [] : type));
      t.same(asked(), ["watch"]);
      relay.hub.leave(other.viewer, { mayReturn: false });
      t.same(asked(), ["watch", "unwatch"]);
      await relay.exchange.close();
    });

    t.test(
      "an agent that comes again takes the place of the one before, and that one's end changes nothing",
      async (t) => {
        const relay = relayOf(t, make);
        const { frames } = relay.watch();
        const before = await connect(relay, () => t.fail("that is for its socket's relay to say"));
        const next = await connect(relay, () => t.fail("nobody else is there"));
        before.lose();
        next.say({ type: "chat", chat: CHAT, roots: [APP] });
        next.say(updateOf([fileOf("x", "two")]));
        const refresh = next.sent.findLast((message) => message.type === "refresh");
        next.say({ type: "refreshed", id: refresh?.id ?? 0, scanned_at: SCANNED_AT });
        await relay.clock.advance(10_000);
        await nextTurn();
        t.match(frames, [{ type: "changes", repositories: [{ repo_root: APP }] }]);
        relay.exchange.drain();
        next.lose();
        t.equal(relay.hub.agentState(WORKSPACE), "timeout");
        await relay.exchange.close();
      },
    );
  });
}
