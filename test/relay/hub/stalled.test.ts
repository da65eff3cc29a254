import t, { type Test } from "tap";
import { unifiedDiff } from "../../../src/protocol/index.js";
import { liveBytes } from "../../support/live-bytes.js";
import { until } from "../../support/until.js";
import { DeltaClient, WatchClient } from "../../support/watch-client.js";
import { type FakeAgent, fileOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";

/** The bound that the documents state for a client that stops reading, in bytes. */
const BOUND_BYTES = 8 * 1024 * 1024;
const DIFF_UNITS = 2.5 * 1024 * 1024;
/** What each tree's diff consists of. JSON escapes some; the first letter of others makes two bytes of each in memory. */
const FILLERS = ["\u6f22\x01", "x", "\u6f22x", "x", "\x01", "\x01"];
const STALLED = 5;

const ROOTS = ["a", "b", "c", "d", "e", "f"].map((name) => `/home/me/${name}`);

/**
 * The clients answer no pings: that must not end them, however long a busy machine takes. Milliseconds. The agent of the test
 * tells each tree in one frame, whose escapes are six times as long, and is not held for that; nothing is left out for size.
 */
const LIMITS = {
  pingIntervalMs: 3_600_000,
  agentFrameBytes: 32 * 1024 * 1024,
  agentStallMsPerSecond: 1_000,
  frameBytes: 1024 * 1024 * 1024,
};

/** Every tree's diff is replaced by another one of the same size. Each is waited for by its own number. */
async function tellAll(agent: FakeAgent, generation: number): Promise<void> {
  for (const [at, root] of ROOTS.entries()) {
    agent.tell(root, [fileOf("x", `generation ${generation} ${fillerAt(at)}`)]);
    const seq = agent.trees.get(root)?.seq;
    await until(`${root} is acknowledged`, () => agent.all("ack").some((ack) => ack.root === root && ack.seq === seq));
  }
}

function fillerAt(at: number): string {
  const [last = "", first = ""] = [...(FILLERS[at] ?? "")].reverse();
  return first + last.repeat(DIFF_UNITS);
}

async function openStalled(relay: TestRelay): Promise<WatchClient> {
  const client = await WatchClient.open(t, relay.watchUrl(), { token: relay.clientToken, perMessageDeflate: false });
  client.socket.pause();
  return client;
}

async function openStalledDelta(relay: TestRelay): Promise<DeltaClient> {
  const client = await DeltaClient.open(t, relay.watchUrl(), { token: relay.clientToken, perMessageDeflate: false });
  client.socket.pause();
  return client;
}

/** Clients come and read nothing, each while all trees have another state. @returns measures what one costs, in bytes */
async function costOfStalled<T>(
  agent: FakeAgent,
  stalled: T[],
  open: () => Promise<T>,
): Promise<() => Promise<number>> {
  await tellAll(agent, 0);
  // nobody has been told anything: what is kept ready for all of them counts for those who come
  const before = await liveBytes();
  for (let generation = 1; generation <= STALLED; generation += 1) {
    const refreshes = agent.all("refresh").length;
    stalled.push(await open());
    await until("the client's barrier", () => agent.all("refresh").length > refreshes);
    await tellAll(agent, generation);
  }
  return async () => ((await liveBytes()) - before) / STALLED;
}

/** What the clients cost stays. What the relay holds for a moment, as it writes a state into its store, is none of it. */
async function isWithinBound(t: Test, cost: () => Promise<number>): Promise<void> {
  let bytes = 0;
  const isWithin = async (): Promise<boolean> => {
    bytes = await cost();
    return bytes <= BOUND_BYTES;
  };
  await until("each of them costs at most 8 MiB", isWithin, { seen: () => bytes });
  t.pass(`each of them costs ${(bytes / 1024 / 1024).toFixed(1)} MiB`);
}

t.test("a client that does not read costs at most 8 MiB, whatever there is to tell", async (t) => {
  const relay = await TestRelay.start(t, { limits: LIMITS });
  const agent = await relay.agent(ROOTS);
  const stalled: WatchClient[] = [];
  await isWithinBound(t, await costOfStalled(agent, stalled, () => openStalled(relay)));
  const [first] = stalled;
  first?.socket.resume();
  for (const root of ROOTS) await first?.diffWith(root, `+generation ${STALLED} `);
  t.same(
    (await first?.first())?.repositories?.map(({ repo_root }) => repo_root),
    ROOTS,
    "the first frame is whole",
  );
});

t.test("a delta client that does not read costs no more, and is told the newest state when it reads on", async (t) => {
  const relay = await TestRelay.start(t, { limits: LIMITS });
  const agent = await relay.agent(ROOTS);
  const stalled: DeltaClient[] = [];
  await isWithinBound(t, await costOfStalled(agent, stalled, () => openStalledDelta(relay)));
  const [first] = stalled;
  first?.socket.resume();
  for (const [at, root] of ROOTS.entries()) {
    const { header, hunks } = fileOf("x", `generation ${STALLED} ${fillerAt(at)}`);
    const diff = () => unifiedDiff(first?.assembler.trees.get(root)?.files ?? []);
    await until(`the newest diff of ${root}`, () => diff() === header + hunks, {
      progress: () => first?.bytesRead(),
      seen: () => diff().slice(0, 300),
    });
  }
});
