// A relay with more workspaces than it speaks of in one turn of the loop.
import { mock } from "node:test";
import t from "tap";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import { Random } from "../../support/random.js";
import { tempDir } from "../../support/temp.js";
import { ChaosNet } from "./support/chaos-net.js";
import { Node } from "./support/cluster.js";

const HOMES = 700;

mock.timers.enable({ apis: ["setTimeout", "setInterval"] }); // of hubs
t.teardown(() => mock.timers.reset());

t.test("a relay that reaches others again says so of all its workspaces, of some in each turn", async (t) => {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const clock = new FakeClock();
  const random = new Random(5);
  const net = new ChaosNet(random, clock);
  const node = new Node(store, net.bus(), "relay", { clock, skewMs: 0 });
  t.teardown(() => node.exchange.close());
  const link = { send: () => undefined, refuse: () => undefined };
  const homes = Array.from({ length: HOMES }, async () => {
    const workspace = node.hub.workspace(random.uuid());
    const hosted = await node.exchange.host(workspace, { link, replaced: () => t.fail("nobody else is there") });
    workspace.attach(hosted.local, undefined, true);
    hosted.welcomed({ secrets: undefined, compares: true });
  });
  await clock.advance(20);
  await Promise.all(homes);
  node.bus.cut();
  const { published } = net;
  node.bus.mend();
  const said = () => net.published - published;
  const first = said();
  t.ok(first > 0 && first <= 500, `${first} at once`);
  let most = first;
  for (let turn = 0; turn < 10 && said() < 2 * HOMES; turn += 1) {
    const before = said();
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, said() - before);
  }
  t.ok(most <= 500, `${most} in a turn at most`);
  t.equal(said(), 2 * HOMES, "to other homes, and to those who follow");
});
