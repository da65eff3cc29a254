import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import t from "tap";
import { until } from "../support/until.js";
import { TestClient } from "./support/client.js";
import { type FakeAgent, fileOf } from "./support/fake-agent.js";
import { TestRelay } from "./support/relay.js";

/** The bound that the documents state for a client that stops reading, in bytes. */
const BOUND_BYTES = 8 * 1024 * 1024;
const DIFF_UNITS = 2.5 * 1024 * 1024;
const STALLED = 5;

const ROOTS = ["a", "b", "c", "d", "e", "f"].map((name) => `/home/me/${name}`);

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** What is live in this process, relay, agent and clients together: bytes. */
function liveBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Every tree's diff is replaced by another one of the same size; the last two are of characters that JSON escapes. */
async function tellAll(agent: FakeAgent, generation: number): Promise<void> {
  for (const [at, root] of ROOTS.entries()) {
    const acks = agent.all("ack").length;
    const filler = (at < ROOTS.length - 2 ? "x" : "\x01").repeat(DIFF_UNITS);
    agent.tell(root, [fileOf("x", `generation ${generation} ${filler}`)]);
    await until(`${root} is acknowledged`, () => agent.all("ack").length > acks);
  }
}

async function openStalled(relay: TestRelay): Promise<TestClient> {
  const headers = { "coder-session-token": relay.clientToken };
  const client = await TestClient.open(t, relay.watchUrl(), { headers, perMessageDeflate: false });
  client.socket.pause();
  return client;
}

t.test("a client that does not read costs at most 8 MiB, whatever there is to tell", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent(ROOTS);
  await tellAll(agent, 0);
  // nobody has been told anything: what is kept ready for all of them counts for those who come
  const before = liveBytes();
  const stalled: TestClient[] = [];
  for (let generation = 1; generation <= STALLED; generation += 1) {
    const refreshes = agent.all("refresh").length;
    stalled.push(await openStalled(relay));
    await until("the client's barrier", () => agent.all("refresh").length > refreshes);
    await tellAll(agent, generation);
  }
  const each = (liveBytes() - before) / STALLED;
  t.ok(each <= BOUND_BYTES, `each of them costs ${(each / 1024 / 1024).toFixed(1)} MiB`);
  const [first] = stalled;
  first?.socket.resume();
  for (const root of ROOTS) await first?.diffWith(root, `+generation ${STALLED} `);
  t.same(
    (await first?.first())?.repositories?.map(({ repo_root }) => repo_root),
    ROOTS,
    "the first frame is whole",
  );
});
