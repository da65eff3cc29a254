import { setTimeout as sleep } from "node:timers/promises";
import { bindChat, createToken } from "../src/relay/index.js";
import { drawSeed } from "../test/support/random.js";
import { groupId } from "./relay/messages.js";
import { HonestParties, type Seen } from "./support/honest-parties.js";
import { HostileProcess } from "./support/hostile-process.js";
import { median, milliseconds, progress, quantile, ratioText } from "./support/measure.js";
import type { Goal, Report } from "./support/publish.js";
import { RelayProgram } from "./support/relay-program.js";

const AGENTS = 50;
const VIEWERS_EACH = 4;
/** Rounds of all turns, so that the machine's moods hit all of them. `BENCH_ROUNDS`: fewer, to try it. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 20);
const TURN_MS = { alone: 10_000, agent: 30_000, client: 30_000, agentElsewhere: 15_000, clientElsewhere: 15_000 };
const WARM_UP_MS = 5_000;
const SAMPLE_MS = 100;

/** What the relay may hold of trees; a small machine's. Bytes. */
const BUDGET_BYTES = 256 * 1024 * 1024;

/** Chats and workspaces from here on are not honest. */
const HOSTILE_GROUP = 900_000_000;

/** Elsewhere: at a relay of their own, so that what honest parties notice of them is what they take of the machine. */
const TURNS = ["alone", "agent", "client", "agentElsewhere", "clientElsewhere"] as const;
type Turn = (typeof TURNS)[number];

const NAMES: Readonly<Record<Turn, string>> = {
  alone: "alone",
  agent: "beside hostile agents",
  client: "beside a hostile client",
  agentElsewhere: "hostile agents at another relay",
  clientElsewhere: "a hostile client at another relay",
};

/** Which of them are run. `BENCH_TURNS`, as `alone,client`: fewer, to look at one; the goals of the others are missed then. */
const CHOSEN: ReadonlySet<string> = new Set(process.env.BENCH_TURNS?.split(",") ?? TURNS);

interface Figures {
  seen: Seen;
  /** The 99th percentile of latency in each round, in milliseconds: what happens rarely stands out in one of them. */
  tails: number[];
  /** The relay's resident memory at most, in bytes. */
  peakBytes: number;
}

/** Honest agents and viewers with and without a hostile agent or client beside them. */
export async function benchmark(): Promise<Report> {
  const seed = drawSeed();
  const options = ["--max-tree-bytes", String(BUDGET_BYTES)];
  const relay = await RelayProgram.start(options);
  const other = await RelayProgram.start(options);
  const [here, elsewhere] = [await hostileProcesses(relay, seed), await hostileProcesses(other, seed)];
  const attackers: Record<Turn, HostileProcess[]> = {
    ...{ alone: [], agent: here.agent, client: here.client },
    ...{ agentElsewhere: elsewhere.agent, clientElsewhere: elsewhere.client },
  };
  const honest = await HonestParties.connect(relay, AGENTS, VIEWERS_EACH);
  const figures = Object.fromEntries(TURNS.map((turn) => [turn, noFigures()])) as Record<Turn, Figures>;
  try {
    await honest.work(WARM_UP_MS);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const turn of TURNS) {
        if (!CHOSEN.has(turn)) continue;
        progress(`round ${round + 1} of ${ROUNDS}: ${turn}`);
        const work = () => watched(relay, () => honest.work(TURN_MS[turn]));
        add(figures[turn], await beside(attackers[turn], work));
        await sleep(1_000); // what it left behind is cleared away
      }
    }
    progress("");
    return report(figures, relay.isAlive, seed);
  } finally {
    honest.stop();
    for (const each of new Set(Object.values(attackers).flat())) each.stop();
    await relay.stop();
    await other.stop();
  }
}

/** Two agents and a client. The agents have accomplices that watch their trees, so that they may not be evicted. */
async function hostileProcesses(
  { url, dataDir }: RelayProgram,
  seed: number,
): Promise<Record<"agent" | "client", HostileProcess[]>> {
  const ordersOf = async (manner: "rude" | "polite", number: number) => {
    const workspace = groupId(number);
    const chats = [1, 2, 3].map((chat) => groupId(number + chat));
    const agentToken = await createToken(dataDir, { kind: "agent", workspace });
    const clientToken = await createToken(dataDir, { kind: "client", user: manner });
    for (const chat of chats) await bindChat(dataDir, { chat, workspace, owner: manner });
    return { url, agentToken, clientToken, chats, manner, seed };
  };
  const rude = await ordersOf("rude", HOSTILE_GROUP);
  const polite = await ordersOf("polite", HOSTILE_GROUP + 10);
  return {
    agent: [rude, polite].map((orders) => new HostileProcess("agent", { ...orders, token: orders.agentToken })),
    client: [new HostileProcess("client", { ...rude, token: rude.clientToken })],
  };
}

/** Works while all of them attack. */
function beside(attackers: readonly HostileProcess[], work: () => Promise<Figures>): Promise<Figures> {
  const [first, ...others] = attackers;
  return first === undefined ? work() : first.during(() => beside(others, work));
}

async function watched(relay: RelayProgram, work: () => Promise<Seen>): Promise<Figures> {
  let peakBytes = 0;
  const timer = setInterval(() => {
    if (relay.isAlive) peakBytes = Math.max(peakBytes, relay.residentBytes);
  }, SAMPLE_MS);
  try {
    const seen = await work();
    return { seen, tails: [quantile(seen.latencies, 0.99)], peakBytes };
  } finally {
    clearInterval(timer);
  }
}

function noFigures(): Figures {
  return { seen: { latencies: [], wrong: 0, lost: 0, closed: 0 }, tails: [], peakBytes: 0 };
}

function add(to: Figures, { seen, tails, peakBytes }: Figures): void {
  for (const latency of seen.latencies) to.seen.latencies.push(latency);
  to.seen.wrong += seen.wrong;
  to.seen.lost += seen.lost;
  to.seen.closed = Math.max(to.seen.closed, seen.closed);
  to.tails.push(...tails);
  to.peakBytes = Math.max(to.peakBytes, peakBytes);
}

function report(figures: Record<Turn, Figures>, isAlive: boolean, seed: number): Report {
  const right = (head: string) => ({ head, align: "right" }) as const;
  const rows = TURNS.filter((turn) => CHOSEN.has(turn)).map((turn) => {
    const { seen, tails, peakBytes } = figures[turn];
    return [
      NAMES[turn],
      seen.latencies.length.toLocaleString("en"),
      milliseconds(median(seen.latencies)),
      milliseconds(quantile(seen.latencies, 0.99)),
      `${milliseconds(Math.min(...tails))} to ${milliseconds(Math.max(...tails))}`,
      String(seen.wrong),
      String(seen.lost),
      mib(peakBytes),
    ];
  });
  const heads = ["frames", "median latency", "p99 latency", "p99 of a round", "wrong", "lost", "peak resident memory"];
  const goals = (["agent", "client"] as const).flatMap((turn) => goalsOf(turn, figures.alone, figures[turn], isAlive));
  return {
    title: "Hostile parties",
    method: `\`relay serve\` with its defaults and \`--max-tree-bytes\` of ${mib(BUDGET_BYTES)}, ${AGENTS} honest agents of a workspace each that
tell an edit twice a second, and ${AGENTS * VIEWERS_EACH} viewers, ${VIEWERS_EACH} of each. In ${ROUNDS} rounds they have the relay for themselves for
${TURN_MS.alone / 1000} s, then beside two agents' tokens in wrong hands for ${TURN_MS.agent / 1000} s, then beside a client's for ${TURN_MS.client / 1000} s.
${CHOSEN.has("agentElsewhere") ? `Then, for ${TURN_MS.agentElsewhere / 1000} s each, both attack another relay on this machine: so much of it is the machine's alone. ` : ""}What those do is drawn at random
(seed ${seed}): every kind of message and call, of any size, at any rate, whole and in halves, of sense and of none, over connections
that come, go, do not read and do not answer. One of the two agents says only what honest ones say, as much and as fast as it
is let, since the other is sent away again and again. Each of them is a process of lowest priority, so that what is measured is
what it does to the relay. Latency is from an honest agent's send to a viewer's receipt; each frame is compared byte for
byte with the edit that was told.`,
    tables: [{ title: "What honest parties notice", columns: [{ head: "" }, ...heads.map(right)], rows }],
    goals,
  };
}

function goalsOf(turn: "agent" | "client", alone: Figures, beside: Figures, isAlive: boolean): Goal[] {
  const who = NAMES[turn];
  const middle = median(beside.seen.latencies) / median(alone.seen.latencies);
  const tail = quantile(beside.seen.latencies, 0.99) / quantile(alone.seen.latencies, 0.99);
  const growth = beside.peakBytes - alone.peakBytes;
  const amiss = beside.seen.wrong + beside.seen.lost + beside.seen.closed;
  const mark = (met: boolean) => ({ met });
  return [
    { what: `median latency ${who}`, goal: "at most 1.5×", reached: ratioText(middle), ...mark(middle <= 1.5) },
    { what: `p99 latency ${who}`, goal: "at most 3×", reached: ratioText(tail), ...mark(tail <= 3) },
    {
      what: `honest frames wrong or lost, sockets closed, ${who}`,
      goal: "0, and the relay lives",
      reached: isAlive ? String(amiss) : "the relay ended",
      ...mark(isAlive && amiss === 0),
    },
    {
      what: `peak resident memory ${who}, above that without`,
      goal: `at most ${mib(BUDGET_BYTES)}`,
      reached: mib(growth),
      ...mark(growth <= BUDGET_BYTES),
    },
  ];
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024).toLocaleString("en")} MiB`;
}
