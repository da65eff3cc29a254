import t from "tap";
import type { HomeState } from "../../../src/relay/exchange/bus/wire.js";
import { Elsewhere } from "../../../src/relay/exchange/cluster/elsewhere.js";
import type { Here } from "../../../src/relay/exchange/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import { liveBytes } from "../../support/live-bytes.js";
import { clusterOf, nodeOf } from "./support/hand-agent.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const LISTS_BYTES = 16 * 1024 * 1024;
/** What measuring itself costs, and what engines keep for themselves. */
const NOISE_BYTES = 1024 * 1024;
/** Everything here is on the heap. */
const IDLE_COLLECTIONS = 2;

const HERE: Here = { agentState: () => "disconnected", treeCounts: () => [] };

/** One page of a list: another one for each number. */
function pageOf(page: number): string[] {
  return Array.from({ length: 200 }, (_, at) => {
    return `22222222-${String(page).padStart(4, "0")}-4222-8222-${String(at).padStart(12, "0")}`;
  });
}

/** A home where each chat has a tree. As it comes out of a message: its texts are objects of their own. */
async function countedBy(chats: readonly string[] = []): Promise<HomeState> {
  const count = { changedFiles: 1, additions: 2, deletions: 3, scannedAt: 1_800_000_000_000 };
  const counts = chats.map((chat) => ({ chat, trees: [{ root: `/${"r".repeat(300)}/${chat}`, ...count }] }));
  return JSON.parse(JSON.stringify({ g: 1, relay: "a", state: "connected", isKnown: true, counts }));
}

type Who = ConstructorParameters<typeof Elsewhere>[0]["who"];

/** What homes say, and of how many pages that would be too much. */
const HOMES: Record<string, { who: Who; pages: number }> = {
  "that count trees": { who: (_, { chats }) => countedBy(chats), pages: 400 },
  "that are nowhere": { who: async () => undefined, pages: 1_000 },
  "that have not answered yet": { who: () => new Promise(() => undefined), pages: 2_500 },
};

for (const [name, { who, pages }] of Object.entries(HOMES)) {
  t.test(`pages of lists cost so much memory and no more, however many are asked for: homes ${name}`, async (t) => {
    const elsewhere = new Elsewhere({ who }, new FakeClock(), HERE);
    const before = await liveBytes(IDLE_COLLECTIONS);
    for (let page = 0; page < pages; page += 1) {
      void elsewhere.activity(WORKSPACE, pageOf(page));
      await Promise.resolve();
    }
    const bytes = (await liveBytes(IDLE_COLLECTIONS)) - before;
    t.ok(bytes <= LISTS_BYTES + NOISE_BYTES, `${bytes} bytes are kept`);
    t.ok(elsewhere); // until here
  });
}

t.test("what was said of a list is let go of although nobody asks for that list again", async (t) => {
  const cluster = clusterOf(t);
  const { exchange } = nodeOf(cluster, 1);
  const before = await liveBytes(IDLE_COLLECTIONS);
  for (let page = 0; page < 300; page += 1) {
    const asked = [exchange.activity(cluster.workspace, pageOf(page)), exchange.agentState(pageOf(page)[0] ?? "")];
    await cluster.advance(1);
    await Promise.all(asked);
  }
  const kept = (await liveBytes(IDLE_COLLECTIONS)) - before;
  await cluster.advance(2_500);
  const left = (await liveBytes(IDLE_COLLECTIONS)) - before;
  t.ok(kept > 3 * NOISE_BYTES, `${kept} bytes are kept for a moment`);
  t.ok(left < NOISE_BYTES, `${left} bytes are kept`);
});
