import t from "tap";
import { readAgentMessage, type TreeFile, type TreeMessage } from "../../../src/protocol/index.js";
import { listBytes, marksBytes, removedKeyBytes, rootBytes, troubleBytes } from "../../../src/relay/budgets/cost.js";
import { Channel } from "../../../src/relay/hub/channel.js";
import { Channels } from "../../../src/relay/hub/channels.js";
import { PendingUpdate } from "../../../src/relay/hub/trees/pending-update.js";
import { applyUpdate, type TreeState } from "../../../src/relay/hub/trees/tree-state.js";
import { liveBytes } from "../../support/live-bytes.js";
import { fileOf, metaOf } from "../support/fake-agent.js";
import { FakeHost } from "../support/fake-host.js";
import { updateOf } from "../support/states.js";

/** An estimate that is higher than this many times what is kept would refuse honest workspaces. */
const SANE_FACTOR = 6;
/** What measuring itself costs, and what engines keep for themselves. Bytes. */
const NOISE_BYTES = 512 * 1024;

/** Everything here is on the heap. */
const IDLE_COLLECTIONS = 2;

/** As it comes out of a frame: texts of a parsed message are objects of their own. */
function received(message: TreeMessage): TreeMessage {
  const read = readAgentMessage(JSON.stringify(message));
  if (read?.type !== "tree") throw new Error("a tree message");
  return read;
}

function stateOf(message: TreeMessage, before?: TreeState): TreeState {
  const state = applyUpdate(before, received(message));
  if (state === undefined) throw new Error("the update has another base");
  return state;
}

function filesOf(count: number, more: (at: number) => Partial<TreeFile>): TreeFile[] {
  const empty = { path: "", header: "", hunks: "", additions: 0, deletions: 0, omitted_bytes: 0 };
  return Array.from({ length: count }, (_, at) => ({
    ...empty,
    key: `t:${at.toString(36).padStart(5, "0")}`,
    ...more(at),
  }));
}

const long = (at: number, letter: string, units: number) => `${letter}${at.toString(36)}`.padEnd(units, "x");

/** The worst that an agent can make the relay keep, by what it consists of. Each is kept, and says what it is estimated at. */
const SHAPES: Record<string, () => { kept: unknown; estimate: number }> = {
  "files without any text": () => {
    const kept = stateOf(updateOf(filesOf(20_000, () => ({}))));
    return { kept, estimate: kept.cost };
  },
  "files of large numbers, whose hunks were left out": () => {
    const kept = stateOf(
      updateOf(
        filesOf(10_000, (at) => ({
          ...{ additions: 2 ** 50 + at, deletions: 2 ** 51 + at, omitted_bytes: 2 ** 52 + at },
          ...{ path: `\u0001${at}漢`, header: `h${at}` },
        })),
      ),
    );
    kept.view.seal();
    return { kept, estimate: kept.cost };
  },
  "small files": () => {
    const kept = stateOf(updateOf(filesOf(20_000, (at) => ({ path: `p${at}`, header: `h${at}`, hunks: `k${at}` }))));
    return { kept, estimate: kept.cost };
  },
  "small files that are enough text to be measured": () => {
    const kept = stateOf(updateOf(filesOf(20_000, (at) => ({ header: long(at, "h", 30), hunks: long(at, "k", 30) }))));
    return { kept, estimate: kept.cost };
  },
  "a large diff of letters": () => {
    const kept = stateOf(updateOf(filesOf(3, (at) => ({ hunks: long(at, "h", 1_000_000) }))));
    return { kept, estimate: kept.cost };
  },
  "a large diff of two bytes a character": () => {
    const kept = stateOf(updateOf(filesOf(3, (at) => ({ hunks: long(at, "漢", 1_000_000) }))));
    return { kept, estimate: kept.cost };
  },
  "trees without files": () => {
    const kept = Array.from({ length: 3_000 }, (_, at) => stateOf(updateOf([], { root: `/${at}` })));
    return { kept, estimate: kept.reduce((sum, { cost }) => sum + cost, 0) };
  },
  "trees with a long account of their health, which JSON escapes": () => {
    const kept = Array.from({ length: 200 }, (_, at) => {
      const meta = metaOf({ health: `漢${"\u0001".repeat(9_000)}${at}` });
      const state = stateOf(updateOf([], { root: `/${at}`, meta }));
      state.view.seal();
      return state;
    });
    return { kept, estimate: kept.reduce((sum, { cost }) => sum + cost, 0) };
  },
  "a state after one in which everything went": () => {
    const names = filesOf(20_000, (at) => ({ key: `t:${long(at, "k", 20)}` }));
    const first = stateOf(updateOf(names));
    const kept = stateOf(updateOf([], { seq: 2, base: 1, removes: names.map(({ key }) => key) }), first);
    return { kept, estimate: kept.cost };
  },
  "an update of empty keys that go": () => {
    const parts = Array.from({ length: 5 }, () => updateOf([], { removes: new Array(100_000).fill(""), more: true }));
    return pendingOf(parts);
  },
  "an update of short keys that go": () => {
    const removes = (part: number) => Array.from({ length: 50_000 }, (_, at) => `${part}${at}`);
    return pendingOf([0, 1, 2].map((part) => updateOf([], { removes: removes(part), more: true })));
  },
  "an update of parts that say nothing but who they are": () => {
    const meta = metaOf({ health: "h".repeat(60_000), branch: "b".repeat(60_000) });
    return pendingOf(Array.from({ length: 500 }, () => updateOf([], { meta, more: true })));
  },
  "an update of objects": () =>
    pendingOf([
      updateOf(
        filesOf(20_000, () => ({})),
        { more: true },
      ),
    ]),
  "a chat's roots, in the index": () => {
    const channels = new Channels();
    const channel = new Channel(new FakeHost(), "chat", []);
    channels.add(channel);
    const roots = Array.from({ length: 10_000 }, (_, at) => long(at, "/", 100));
    channels.setRoots(channel, JSON.parse(JSON.stringify(roots)));
    channels.withRoot("/");
    return { kept: channels, estimate: roots.reduce((sum, root) => sum + rootBytes(root), 0) };
  },
  "what viewers remember of a chat's trees": () => {
    const roots = Array.from({ length: 5_000 }, (_, at) => `/${at}`);
    const mark = { digest: undefined };
    const kept = Array.from({ length: 10 }, () => new Map(roots.map((root) => [root, mark])));
    return { kept: [roots, kept], estimate: marksBytes(10, 5_000) };
  },
  "what another relay says of lists of chats": () => listsOf(0),
  "what another relay says of lists of chats with many trees": () => listsOf(20),
  "the failures of a chat's trees": () => {
    const roots = Array.from({ length: 10_000 }, (_, at) => `/${at}`);
    const channel = new Channel(new FakeHost(), "chat", []);
    channel.setRoots(roots);
    const failures = roots.map((root) => [root, `m${root}`] as const);
    for (const [root, message] of JSON.parse(JSON.stringify(failures)) as typeof failures) {
      channel.addTrouble(root, message);
    }
    const bytes = failures.reduce((sum, [root, message]) => sum + rootBytes(root) + troubleBytes(root, message), 0);
    return { kept: channel, estimate: bytes };
  },
};

function listsOf(trees: number): { kept: unknown; estimate: number } {
  let estimate = 0;
  const kept = Array.from({ length: trees > 0 ? 20 : 200 }, (_, list) => {
    const chats = Array.from(
      { length: 200 },
      (_, at) => `11111111-1111-4111-8111-${String(list * 200 + at).padStart(12, "0")}`,
    );
    const count = { changedFiles: 2 ** 50, additions: 2 ** 51, deletions: 2 ** 52, scannedAt: 1_800_000_000_000.5 };
    const of = (chat: string) =>
      Array.from({ length: trees }, (_, at) => ({ root: `/${chat.slice(24)}/${at}`, ...count }));
    const said: ReturnType<typeof JSON.parse> = JSON.parse(JSON.stringify(chats.map((chat) => [chat, of(chat)])));
    const counts = new Map<string, { root: string }[]>(said);
    const name = chats.join(" ");
    estimate += listBytes(name, counts);
    return { name, chats, counts };
  });
  return { kept, estimate };
}

function pendingOf(parts: readonly TreeMessage[]): { kept: unknown; estimate: number } {
  const [first] = parts;
  if (first === undefined) throw new Error("one part at least");
  const kept = new PendingUpdate(first);
  for (const part of parts) kept.add(received(part));
  return { kept, estimate: kept.bytes };
}

for (const [name, build] of Object.entries(SHAPES)) {
  t.test(`the estimate is not under what is kept, nor far above: ${name}`, async (t) => {
    build(); // what is made once for all is none of it
    const before = await liveBytes(IDLE_COLLECTIONS);
    const { kept, estimate } = build();
    const bytes = (await liveBytes(IDLE_COLLECTIONS)) - before;
    t.ok(kept);
    t.ok(bytes <= estimate + NOISE_BYTES, `${bytes} bytes are kept, estimated at ${estimate}`);
    t.ok(estimate <= SANE_FACTOR * Math.max(bytes, NOISE_BYTES), `${bytes} bytes are kept, estimated at ${estimate}`);
  });
}

t.test("what has no text costs as well", async (t) => {
  t.ok(removedKeyBytes("") > 0);
  t.ok(stateOf(updateOf([])).cost > 0);
  const [file] = filesOf(1, () => ({}));
  t.ok(file && stateOf(updateOf([file])).cost > stateOf(updateOf([])).cost + 100);
  t.equal(stateOf(updateOf([fileOf("a", "1")])).cost, stateOf(updateOf([fileOf("a", "2")])).cost);
});
