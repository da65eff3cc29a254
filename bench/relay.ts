import { Audience } from "./relay/audience.js";
import type { ServerName } from "./relay/messages.js";
import { median, milliseconds, progress, quantile, ratioText } from "./support/measure.js";
import type { Goal, Report, Table } from "./support/publish.js";

const CLIENTS = 2_000;
const FRAME_BYTES = 16 * 1024;
const LARGE_FRAME_BYTES = 512 * 1024;
const STALLED = 200;
/** Rounds alternate between the two servers, so that the machine's moods hit both. */
const ROUNDS = 9;
const UPDATES = 8;
/** How many trees, and how near to the bare server the relay is to come there. */
const GOALS = [
  [1, 0.95],
  [500, 0.9],
] as const;
const WARM_UP = 10;
const STALLED_UPDATES = 40;
/** Of half a MiB each; the systems' buffers are smaller than that. */
const MOST_UPDATES_TO_FILL = 100;

/** The bound that the documents state for a client that stops reading, in bytes. */
const STALLED_BOUND_BYTES = 8 * 1024 * 1024;

const right = (head: string) => ({ head, align: "right" }) as const;
const whole = (value: number) => Math.round(value).toLocaleString("en");
const microseconds = (us: number) => `${us.toFixed(1)} µs`;
const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
const mib = (bytes: number) => `${whole(bytes / 1024 / 1024)} MiB`;

/** What one server did in each round. */
interface Delivery {
  framesPerSecond: number[];
  /** Of the server's process, all of its threads together: microseconds for each frame that a client got. */
  cpuPerFrame: number[];
  latencies: number[];
}

/** Frames delivered by the relay and by the bare server, turn by turn. */
async function deliver(groups: number): Promise<Record<ServerName, Delivery>> {
  const result = { relay: noDelivery(), peer: noDelivery() };
  const audiences = [
    await Audience.start("relay", groups, FRAME_BYTES),
    await Audience.start("peer", groups, FRAME_BYTES),
  ];
  try {
    for (const audience of audiences) {
      progress(`${audience.name}: connecting ${CLIENTS} clients to ${groups} trees`);
      await audience.connect(CLIENTS, groups);
      for (let update = 0; update < WARM_UP; update += 1) await audience.update(groups, CLIENTS);
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const audience of audiences) {
        progress(`${groups} trees, ${audience.name}: round ${round + 1} of ${ROUNDS}`);
        await measureRound(audience, groups, result[audience.name]);
      }
      audiences.reverse(); // who was second is first in the next round
    }
  } finally {
    for (const audience of audiences) await audience.stop();
  }
  return result;
}

async function measureRound(audience: Audience, groups: number, into: Delivery): Promise<void> {
  const cpuBefore = await audience.cpuMs();
  let ms = 0;
  for (let update = 0; update < UPDATES; update += 1) {
    const delivered = await audience.update(groups, CLIENTS);
    into.latencies.push(...delivered.latencies);
    ms += delivered.ms;
  }
  const cpuMs = (await audience.cpuMs()) - cpuBefore;
  into.framesPerSecond.push((UPDATES * CLIENTS * 1000) / ms);
  into.cpuPerFrame.push((cpuMs * 1000) / (UPDATES * CLIENTS));
}

function noDelivery(): Delivery {
  return { framesPerSecond: [], cpuPerFrame: [], latencies: [] };
}

/** Of two rounds that follow each other, which the machine's moods hit alike: the ratio of each such pair, ascending. */
function pairedRatios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, round) => value / (under[round] ?? Number.NaN)).sort((a, b) => a - b);
}

async function deliveryTables(): Promise<{ tables: Table[]; goals: Goal[] }> {
  const costs: string[][] = [];
  const speeds: string[][] = [];
  const goals: Goal[] = [];
  for (const [groups, wanted] of GOALS) {
    const { relay, peer } = await deliver(groups);
    const trees = groups === 1 ? "1 tree" : `${groups} trees`;
    const who = `${whole(CLIENTS)} clients on ${trees}`;
    const cheapness = pairedRatios(peer.cpuPerFrame, relay.cpuPerFrame);
    const speed = pairedRatios(relay.framesPerSecond, peer.framesPerSecond);
    costs.push([
      who,
      microseconds(median(relay.cpuPerFrame)),
      microseconds(median(peer.cpuPerFrame)),
      ratioText(median(cheapness)),
      `${ratioText(cheapness[0] ?? Number.NaN)} to ${ratioText(cheapness.at(-1) ?? Number.NaN)}`,
    ]);
    speeds.push([
      who,
      whole(median(relay.framesPerSecond)),
      whole(median(peer.framesPerSecond)),
      ratioText(median(speed)),
      milliseconds(median(relay.latencies)),
      milliseconds(median(peer.latencies)),
      milliseconds(quantile(relay.latencies, 0.99)),
      milliseconds(quantile(peer.latencies, 0.99)),
    ]);
    for (const [what, ratio] of [
      ["frames for the same time of the processor", median(cheapness)],
      ["frames a second", median(speed)],
    ] as const) {
      goals.push({
        what: `${what} beside bare \`ws\`, ${trees}`,
        goal: `at least ${wanted}×`,
        reached: ratioText(ratio),
        met: ratio >= wanted,
      });
    }
  }
  const bare = "bare `ws`";
  return {
    tables: [
      {
        title: "Time of the server's processor for a frame",
        columns: [{ head: "who watches" }, ...["relay", bare, "bare `ws` to relay", "in single rounds"].map(right)],
        rows: costs,
      },
      {
        title: "Frames delivered",
        columns: [
          { head: "who watches" },
          ...["frames/s", bare, "ratio", "median latency", bare, "p99 latency", bare].map(right),
        ],
        rows: speeds,
      },
    ],
    goals,
  };
}

/** Live bytes and resident bytes that one idle client adds to a server. */
async function idleCost(name: ServerName): Promise<{ live: number; rss: number }> {
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
    await audience.connect(STALLED + stalled, 1);
    for (let update = 0; update < WARM_UP; update += 1) await audience.update(1, STALLED);
    await audience.pause(STALLED);
    const before = await audience.memory();
    // the system's buffers of those that do not read take megabytes each: until then, they are served as the others are
    for (let update = 0; update < MOST_UPDATES_TO_FILL; update += 1) {
      const waiting = await audience.waiting();
      await audience.update(1, STALLED);
      if ((await audience.waiting()) - waiting >= stalled && update >= WARM_UP) break;
    }
    const latencies: number[] = [];
    for (let update = 0; update < STALLED_UPDATES; update += 1) {
      latencies.push(...(await audience.update(1, STALLED)).latencies);
    }
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
  const delivery = await deliveryTables();
  const parts = [await idleTable(), await stalledTable()];
  progress("");
  return {
    title: "Relay",
    method: `A relay, and beside it a bare \`ws\` server that sends the bytes it is given on to the same number of clients: each is a
process of its own, and so are its agent and its clients. Both send without compression, and acknowledge each update in as many
bytes. An update of each tree makes a frame of ${FRAME_BYTES / 1024} KiB for each of its clients; the next update comes when every client has
the one before. The servers take turns in ${ROUNDS} rounds of ${UPDATES} updates, and who is first changes from round to round; what is compared is one
round with the one beside it, and the median of that counts. The time of the processor is what the server's process has used, all of
its threads and the system's work for it together: agents and clients share the machine's processors with the server, so that frames a
second are theirs as well. Latency is from the agent's send to the client's receipt. The relay parses and checks what the agent says,
builds the diff, and compares it with what each client was told. Clients that do not read count from when the system's own
buffers for them are full. Rates by token are lifted, since one token stands for all.`,
    tables: [...delivery.tables, ...parts.map(({ table }) => table)],
    goals: [...delivery.goals, ...parts.flatMap((part) => part.goals)],
  };
}
