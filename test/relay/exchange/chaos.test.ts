// Relays over a network that loses, repeats and delays what they say, as a seed decides; hubs, exchanges and viewers are the real
// ones. `npm run faults:cluster` draws other seeds, and more of them.
import { mock } from "node:test";
import t from "tap";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import fc from "../../support/fast-check.js";
import { drawSeed, Random, SEED } from "../../support/random.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { type Faults, NO_FAULTS } from "./support/chaos-net.js";
import { Cluster, type Node, ROOTS } from "./support/cluster.js";

const path = process.env.CHAOS_PATH;
const RUNS = process.env.CHAOS_RUNS === undefined ? 40 : Number(process.env.CHAOS_RUNS);
const seed = process.env.CHAOS_RUNS === undefined ? SEED : drawSeed();

/** Nothing goes wrong for so long: whatever was lost is found by then. */
const CALM_MS = 45_000;
const LEASE_MS = 60_000;

// only the test's own clock goes: how long a run takes does not decide what a viewer is shown
mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
t.teardown(() => mock.timers.reset());

const store = openStore(t);

function openStore(t: Cleanup): SqliteStore {
  const opened = new SqliteStore(tempDir(t));
  t.teardown(() => opened.close());
  return opened;
}

type Step =
  | { do: "wait"; ms: number }
  | { do: "write"; root: string }
  | { do: "refresh" | "leave"; client: number }
  | { do: "watch"; node: number; chat: number }
  | { do: "move" | "kill" | "cut" | "mend"; node: number };

const node = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("write" as const), root: fc.constantFrom(...ROOTS) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("refresh" as const), client: fc.nat(9) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 10, 100, 1_000, 7_000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("watch" as const), node, chat: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), client: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("move" as const, "cut" as const, "mend" as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const), node }) },
);

const faults: fc.Arbitrary<Faults> = fc.record({
  loss: fc.constantFrom(0, 0.02, 0.2),
  repeats: fc.constantFrom(0, 0.1),
  maxDelayMs: fc.constantFrom(3, 100, 1_500),
  reorders: fc.constantFrom(0, 0.1),
});

interface Story {
  seed: number;
  faults: Faults;
  skewsMs: [number, number, number];
  steps: Step[];
}

const skew = fc.constantFrom(0, -LEASE_MS, LEASE_MS);
const story: fc.Arbitrary<Story> = fc.record({
  seed: fc.nat(),
  faults,
  skewsMs: fc.tuple(skew, skew, skew),
  steps: fc.array(step, { minLength: 10, maxLength: 60 }),
});

/** Where an agent connects when the relay that it had is not there. */
function nodeFor(cluster: Cluster, wanted: number): Node | undefined {
  const node = cluster.nodes[wanted];
  return node === undefined || node.isDead ? cluster.alive[0] : node;
}

async function take(cluster: Cluster, step: Step, agent = cluster.agents[0]): Promise<void> {
  switch (step.do) {
    case "wait":
      await cluster.advance(step.ms);
      break;
    case "write":
      cluster.write(step.root);
      break;
    case "refresh":
      cluster.clients[step.client % Math.max(1, cluster.clients.length)]?.refresh();
      break;
    case "leave": {
      const client = cluster.clients[step.client % Math.max(1, cluster.clients.length)];
      for (const node of cluster.nodes) if (client !== undefined) node.leave(client);
      break;
    }
    case "watch": {
      const node = nodeFor(cluster, step.node);
      if (node !== undefined) cluster.watch(node, step.chat);
      break;
    }
    case "move":
      agent?.disconnect();
      await Promise.resolve();
      connect(cluster, agent, step.node);
      break;
    case "kill":
      // one relay stays
      if (cluster.alive.length > 1 && cluster.nodes[step.node]?.isDead === false) {
        await cluster.nodes[step.node]?.kill();
        if (agent?.port === cluster.nodes[step.node]) {
          agent?.disconnect();
          connect(cluster, agent, step.node);
        }
      }
      break;
    case "cut":
      cluster.nodes[step.node]?.bus.cut();
      break;
    case "mend":
      mend(cluster, cluster.nodes[step.node]);
      break;
    default:
      step satisfies never;
  }
}

function mend(cluster: Cluster, node: Node | undefined): void {
  if (node !== undefined && cluster.alive.includes(node)) node.bus.mend();
}

function connect(cluster: Cluster, agent: Cluster["agents"][number] | undefined, at: number): void {
  const node = nodeFor(cluster, at);
  if (node !== undefined) void agent?.connect(node);
}

/** Nothing goes wrong any more. @returns what is wrong all the same */
async function calmDown(cluster: Cluster): Promise<string[]> {
  cluster.net.faults = NO_FAULTS;
  for (const node of cluster.alive) node.bus.mend();
  await cluster.advance(CALM_MS);
  const wrong: string[] = [];
  for (const client of cluster.clients) {
    wrong.push(...client.faults);
    for (const id of client.unanswered) wrong.push(`refresh ${id} has no answer`);
    for (const [root, content] of cluster.written) {
      const shown = client.shown.get(root);
      if (shown !== content) wrong.push(`${root} ends at ${shown} for ${content}`);
    }
  }
  return wrong;
}

t.test(
  "whatever is lost, repeated or late, no barrier passes before its writes, and the last one is seen by all",
  async (t) => {
    const property = fc.asyncProperty(story, async ({ seed, faults, skewsMs, steps }) => {
      const cluster = new Cluster(store, new FakeClock(), new Random(seed), skewsMs);
      cluster.net.faults = faults;
      connect(cluster, cluster.newAgent(), 0);
      for (const at of [0, 1, 2]) cluster.watch(cluster.nodes[at] ?? raise());
      try {
        for (const each of steps) await take(cluster, each);
        const wrong = await calmDown(cluster);
        if (wrong.length > 0) throw new Error(wrong.join("; "));
      } finally {
        await cluster.close();
      }
    });
    await fc.assert(property, {
      numRuns: RUNS,
      seed,
      ...(path !== undefined && { path }),
      endOnFailure: process.env.CHAOS_RUNS !== undefined,
    });
    t.pass(`${RUNS} runs from ${seed}`);
  },
);

function raise(): never {
  throw new Error("there is one");
}

t.test("of two agents of one workspace at two relays one is left, and all follow that", async (t) => {
  const times = fc.record({
    seed: fc.nat(),
    faults,
    skewsMs: fc.tuple(skew, skew, skew),
    apartMs: fc.constantFrom(0, 1, 5, 400, 5_000),
    isCut: fc.boolean(),
  });
  const property = fc.asyncProperty(times, async ({ seed, faults, skewsMs, apartMs, isCut }) => {
    const cluster = new Cluster(store, new FakeClock(), new Random(seed), skewsMs);
    cluster.net.faults = faults;
    for (const at of [0, 1, 2]) cluster.watch(cluster.nodes[at] ?? raise()).mayGoBack = true;
    if (isCut) cluster.nodes[1]?.bus.cut();
    try {
      connect(cluster, cluster.newAgent(), 0);
      await cluster.advance(apartMs);
      cluster.write(ROOTS[0]);
      connect(cluster, cluster.newAgent(), 1);
      await cluster.advance(20_000);
      cluster.write(ROOTS[1]);
      const wrong = await calmDown(cluster);
      const left = cluster.agents.filter(({ isConnected }) => isConnected);
      const replaced = cluster.agents.filter(({ isReplaced }) => isReplaced);
      if (left.length !== 1 || replaced.length !== 1) wrong.push(`${left.length} left, ${replaced.length} replaced`);
      if (wrong.length > 0) throw new Error(wrong.join("; "));
    } finally {
      await cluster.close();
    }
  });
  await fc.assert(property, { numRuns: RUNS, seed, endOnFailure: process.env.CHAOS_RUNS !== undefined });
  t.pass(`${RUNS} runs from ${seed}`);
});
