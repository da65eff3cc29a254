import { Audience } from "./support/audience.js";
import { median, milliseconds, progress, quantile, ratioText } from "./support/measure.js";
import type { Goal, Report, Table } from "./support/publish.js";

const CLIENTS = 2_000;
const FRAME_BYTES = 16 * 1024;
const LARGE_FRAME_BYTES = 512 * 1024;
const STALLED = 200;
/** Rounds alternate between the two servers, so that the machine's moods hit both. */
const ROUNDS = 9;
const UPDATES = 8;
const WARM_UP = 10;
const STALLED_UPDATES = 40;
/** Of half a MiB each; the systems' buffers are smaller than that. */
const MOST_UPDATES_TO_FILL = 100;

/** The bound that the documents state for a client that stops reading, in bytes. */
const STALLED_BOUND_BYTES = 8 * 1024 * 1024;

const right = (head: string) => ({ head, align: "right" }) as const;
const whole = (value: number) => Math.round(value).toLocaleString("en");
const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
const mib = (bytes: number) => `${whole(bytes / 1024 / 1024)} MiB`;

interface Delivery {
  framesPerSecond: number[];
  latencies: number[];
}

/** Frames delivered by the relay and by the bare server, turn by turn. */
async function deliver(groups: number): Promise<Record<"relay" | "peer", Delivery>> {
  const result = {
    relay: { framesPerSecond: [], latencies: [] } as Delivery,
    peer: { framesPerSecond: [], latencies: [] } as Delivery,
  };
  const audiences = [
    await Audience.start("relay", groups, FRAME_BYTES),
    await Audience.start("peer", groups, FRAME_BYTES),
  ];
  try {
    for (const audience of audiences) {
      progress(`${audience.name}: connecting ${CLIENTS} clients to ${groups} trees`);
      await audience.connect(CLIENTS, groups);
      for (let update = 0; update < WARM_UP; update += 1) await audience.update(groups, audience.clients);
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const audience of audiences) {
        progress(`${groups} trees, ${audience.name}: round ${round + 1} of ${ROUNDS}`);
        const { framesPerSecond, latencies } = result[audience.name];
        const start = performance.now();
        for (let update = 0; update < UPDATES; update += 1) {
          latencies.push(...(await audience.update(groups, audience.clients)));
        }
        framesPerSecond.push((UPDATES * CLIENTS * 1000) / (performance.now() - start));
      }
    }
  } finally {
    for (const audience of audiences) await audience.stop();
  }
  return result;
}

async function deliveryTable(): Promise<{ table: Table; goals: Goal[] }> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  for (const groups of [1, 500]) {
    const { relay, peer } = await deliver(groups);
    const [ours, bare] = [median(relay.framesPerSecond), median(peer.framesPerSecond)];
    rows.push([
      `${whole(CLIENTS)} clients on ${groups} ${groups === 1 ? "tree" : "trees"}`,
      whole(ours),
      whole(bare),
      ratioText(ours / bare),
      milliseconds(median(relay.latencies)),
      milliseconds(median(peer.latencies)),
      milliseconds(quantile(relay.latencies, 0.99)),
      milliseconds(quantile(peer.latencies, 0.99)),
    ]);
    goals.push({
      what: `frames a second beside bare \`ws\`, ${groups} ${groups === 1 ? "tree" : "trees"}`,
      goal: "at least 0.8×",
      reached: ratioText(ours / bare),
      met: ours / bare >= 0.8,
    });
  }
  const heads = ["frames/s", "bare `ws`", "ratio", "median latency", "bare `ws`", "p99 latency", "bare `ws`"];
  return { table: { title: "Frames delivered", columns: [{ head: "who watches" }, ...heads.map(right)], rows }, goals };
}

/** Live bytes and resident bytes that one idle client adds to a server. */
async function idleCost(name: "relay" | "peer"): Promise<{ live: number; rss: number }> {
  const audience = await Audience.start(name, 1, 100);
  try {
    await audience.connect(50, 1); // what the first clients load and compile is not theirs
    const before = await audience.memory();
    await audience.connect(CLIENTS, 1);
    const after = await audience.memory();
    return { live: (after.live - before.live) / CLIENTS, rss: (after.rss - before.rss) / CLIENTS };
  } finally {
    await audience.stop();
  }
}

async function idleTable(): Promise<{ table: Table; goals: Goal[] }> {
  progress("memory of idle clients");
  const [relay, peer] = [await idleCost("relay"), await idleCost("peer")];
  const above = relay.live - peer.live;
  return {
    table: {
      title: `Memory of an idle client, of ${whole(CLIENTS)}`,
      columns: [{ head: "" }, right("relay"), right("bare `ws`"), right("above it")],
      rows: [
        ["live after a collection", kib(relay.live), kib(peer.live), kib(above)],
        ["resident", kib(relay.rss), kib(peer.rss), kib(relay.rss - peer.rss)],
      ],
    },
    goals: [
      {
        what: "memory of an idle client above bare `ws`",
        goal: "at most 30 KiB",
        reached: kib(above),
        met: above <= 30 * 1024,
      },
    ],
  };
}

/** Latencies of clients that read, and the server's growth, with so many beside them that do not. */
async function besideStalled(stalled: number): Promise<{ latencies: number[]; growth: number }> {
  const audience = await Audience.start("relay", 1, LARGE_FRAME_BYTES);
  try {
    const good = await audience.connect(STALLED, 1);
    const bad = await audience.connect(stalled, 1);
    for (let update = 0; update < WARM_UP; update += 1) await audience.update(1, good);
    for (const { socket } of bad) socket.pause();
    const before = await audience.memory();
    // the system's buffers of those that do not read take megabytes each: until then, they are served as the others are
    for (let update = 0; update < MOST_UPDATES_TO_FILL; update += 1) {
      const waiting = await audience.waiting();
      await audience.update(1, good);
      if ((await audience.waiting()) - waiting >= stalled && update >= WARM_UP) break;
    }
    const latencies: number[] = [];
    for (let update = 0; update < STALLED_UPDATES; update += 1) latencies.push(...(await audience.update(1, good)));
    const after = await audience.memory();
    return { latencies, growth: after.live - before.live };
  } finally {
    await audience.stop();
  }
}

async function stalledTable(): Promise<{ table: Table; goals: Goal[] }> {
  const runs = { without: [] as number[], with: [] as number[] };
  let growth = 0;
  for (let round = 0; round < 3; round += 1) {
    progress(`stalled clients: round ${round + 1} of 3`);
    runs.without.push(...(await besideStalled(0)).latencies);
    const beside = await besideStalled(STALLED);
    runs.with.push(...beside.latencies);
    growth = Math.max(growth, beside.growth);
  }
  const ratio = median(runs.with) / median(runs.without);
  const tail = quantile(runs.with, 0.99) / quantile(runs.without, 0.99);
  return {
    table: {
      title: `${STALLED} clients that read, frames of ${LARGE_FRAME_BYTES / 1024} KiB`,
      columns: [{ head: "" }, right("alone"), right(`beside ${STALLED} that do not`), right("ratio")],
      rows: [
        ["median latency", milliseconds(median(runs.without)), milliseconds(median(runs.with)), ratioText(ratio)],
        [
          "p99 latency",
          milliseconds(quantile(runs.without, 0.99)),
          milliseconds(quantile(runs.with, 0.99)),
          ratioText(tail),
        ],
        ["growth of the relay's live memory", "", mib(growth), ""],
      ],
    },
    goals: [
      {
        what: "median latency beside stalled clients",
        goal: "at most 1.2×",
        reached: ratioText(ratio),
        met: ratio <= 1.2,
      },
      {
        what: `memory of ${STALLED} stalled clients`,
        goal: `at most ${mib(STALLED * STALLED_BOUND_BYTES)}`,
        reached: mib(growth),
        met: growth <= STALLED * STALLED_BOUND_BYTES,
      },
    ],
  };
}

export async function benchmark(): Promise<Report> {
  const parts = [await deliveryTable(), await idleTable(), await stalledTable()];
  progress("");
  return {
    title: "Relay",
    method: `A relay in a process of its own, and beside it a bare \`ws\` server that sends the bytes it is given on to the same
number of clients; both without compression, turn by turn in ${ROUNDS} rounds. One process on the same machine is agent
and clients of both. An update of each tree makes a frame of ${FRAME_BYTES / 1024} KiB for each of its clients; the next update comes
when every client has the one before. Latency is from the agent's send to the client's receipt. The relay parses and
checks what the agent says, builds the diff, and compares it with what each client was told. Clients that do not read count
from when the system's own buffers for them are full. Rates by token are lifted, since one token stands for all.`,
    tables: parts.map(({ table }) => table),
    goals: parts.flatMap(({ goals }) => goals),
  };
}
