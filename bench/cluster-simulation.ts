import { type Faults, NO_FAULTS } from "../test/relay/exchange/support/chaos-net.js";
import { SEED } from "../test/support/random.js";
import { type Outcome, Simulation, type Size } from "./cluster/simulation.js";
import { milliseconds, progress, quantile } from "./support/measure.js";
import type { Goal, Report, Table } from "./support/publish.js";

/** `BENCH_SCALE`: so much of everything, to try it. */
const SCALE = Number(process.env.BENCH_SCALE ?? 1);
const scaled = (count: number) => Math.max(10, Math.round(count * SCALE));

const SIZE: Size = {
  relays: scaled(100),
  servers: 5,
  workspaces: scaled(100_000),
  watched: scaled(10_000),
  viewersEach: 2,
  editsPerSecond: scaled(1_000),
  refreshesPerSecond: scaled(1_000),
};
/** What the protocol's times make of others: a tenth of the agents edit once a second, and as many viewers refresh. */
const OTHERS: Record<string, Size> = {
  "32 relays, 100,000 agents, all watched": sizeOf(32, 100_000),
  "100 relays, 300,000 agents, all watched": sizeOf(100, 300_000),
};
const FAILING = Math.round(SIZE.relays / 10);

/** What the network between the relays does. */
const NETWORKS: Record<string, Faults> = {
  "a clean network": NO_FAULTS,
  "a bad network": {
    loss: 0.01,
    repeats: 0.01,
    maxDelayMs: 100,
    reorders: 0.01,
  },
};

/** What exchange and hub do by themselves, in messages; each is one out, and one in at every relay that hears it. */
const ANNOUNCE_S = 30;
const BEACON_S = 2;
const KEEPALIVE_S = 10;

/** Within so long all is right, of those who kept their relay, from when the agent is back. Milliseconds. */
const GOAL_MS = 5_000;

const whole = (value: number) => Math.round(value).toLocaleString("en");
const right = (head: string) => ({ head, align: "right" }) as const;

/** A hundred relays of which a tenth fail. */
export async function benchmark(): Promise<Report> {
  const outcomes = new Map<string, Outcome>();
  for (const [name, faults] of Object.entries(NETWORKS)) {
    outcomes.set(name, await new Simulation(SIZE, faults, SEED).run(FAILING, (text) => progress(`${name}: ${text}`)));
  }
  progress("");
  return {
    title: "A hundred relays, of which a tenth fail at once",
    method: method(),
    tables: [placement(outcomes), repair(outcomes), traffic(outcomes), paper()],
    goals: goals(outcomes),
  };
}

function method(): string {
  const { relays, servers, workspaces, watched, viewersEach, editsPerSecond, refreshesPerSecond } = SIZE;
  return `A simulation: ${relays} relays with their own hubs and exchanges, in one process, over a network and with a clock of the
test's (\`test/relay/exchange/support/chaos-net.ts\`), so that times are those of waiting, and not of computing. Sockets, stores and
NATS servers are left out. ${whole(workspaces)} agents come to relays that chance picks, as a balancer would; ${whole(watched)} of the workspaces are
watched, each by ${viewersEach} viewers at relays that chance picks, are edited ${whole(editsPerSecond)} times a second together, and ${whole(refreshesPerSecond)} times a second a
viewer refreshes. The others cost their relay what an agent costs that nobody watches. Then ${FAILING} relays are gone without a word. Agents and viewers come
back by the delays of the real ones, to relays that chance picks, and every workspace that is concerned is edited once right behind the
failure: a viewer is right when it is shown that. A refresh that was answered without what was written before it would be wrong.
A bad network loses 1 message in 100, repeats as many, delays all by up to 0.1 s, and lets 1 in 100 be overtaken. Messages are counted where they go in and out at a relay; a NATS server has those of the relays that are connected to it, ${servers} servers in all, and
beside them what it passes to other servers. On paper is what follows from the times in the protocol: each home says every ${ANNOUNCE_S} s that it is, a log
that is followed how far it is every ${BEACON_S} s, and each follower every ${KEEPALIVE_S} s that it is there; an edit is one message out and one in at each follower.
Sizes that are not simulated are those with a tenth of the agents editing once a second, and as many refreshes.`;
}

function placement(outcomes: ReadonlyMap<string, Outcome>): Table {
  const [outcome] = outcomes.values();
  const row = (when: string, [least = 0, middle = 0, most = 0]: readonly number[] = []) => [
    when,
    ...[least, middle, most].map(whole),
  ];
  return {
    title: "Workspaces of a relay",
    columns: [{ head: "" }, ...["fewest", "median", "most"].map(right)],
    rows: [row("before", outcome?.placed), row("a tenth of the relays gone", outcome?.placedAfter)],
  };
}

function repair(outcomes: ReadonlyMap<string, Outcome>): Table {
  const times = (values: readonly number[]) => [0.5, 0.99, 1].map((q) => milliseconds(quantile(values, q)));
  return {
    title: "Until all is right again",
    columns: [{ head: "" }, ...[...outcomes.keys()].map((name) => right(name))],
    rows: transposed([
      [
        ...["agents that lost their relay", "viewers that lost theirs, or the agent's", "gaps in logs", "syncs"],
        ...["homes that were found lost", "right after, median", "99 of 100", "all"],
        ...["since the agent is back, median", "99 of 100", "all", "barriers that passed", "of them wrong"],
      ],
      ...[...outcomes.values()].map((outcome) => [
        ...[outcome.agentsLost, outcome.viewersConcerned, outcome.gaps, outcome.syncs, outcome.homesLost].map(whole),
        ...times(outcome.rightMs),
        ...times(outcome.sinceAgentMs),
        ...[outcome.barriers, outcome.wrong.length].map(whole),
      ]),
    ]),
  };
}

function traffic(outcomes: ReadonlyMap<string, Outcome>): Table {
  const paper = onPaper(SIZE);
  const names = [...outcomes.keys()];
  const row = (what: string, paperly: number, of: (outcome: Outcome) => number) => [
    what,
    Number.isNaN(paperly) ? "" : whole(paperly),
    ...[...outcomes.values()].map((outcome) => whole(of(outcome))),
  ];
  return {
    title: "Messages a second",
    columns: [{ head: "" }, right("on paper"), ...names.map((name) => right(name))],
    rows: [
      row("the busiest relay", paper / SIZE.relays, ({ perRelay }) => perRelay.steady),
      row("the same, worst second of the failure", Number.NaN, ({ perRelay }) => perRelay.peak),
      row(`the busiest of ${SIZE.servers} NATS servers`, paper / SIZE.servers, ({ perServer }) => perServer.steady),
      row("the same, worst second of the failure", Number.NaN, ({ perServer }) => perServer.peak),
    ],
  };
}

function sizeOf(relays: number, agents: number): Size {
  const often = agents / 10;
  return {
    ...{ relays, servers: 5, workspaces: agents, watched: agents, viewersEach: 2 },
    ...{ editsPerSecond: often, refreshesPerSecond: often },
  };
}

/** Of everything evenly dealt. */
function paper(): Table {
  const row = (name: string, size: Size) => {
    const { relays, servers, workspaces, watched, viewersEach } = size;
    const followed = watched * viewersEach * (1 - 1 / relays);
    const messages = onPaper(size);
    const sockets = (workspaces + watched * viewersEach) / relays;
    return [
      name,
      ...[sockets, followed / relays, messages / relays, messages / servers, workspaces + followed].map(whole),
    ];
  };
  return {
    title: "Sizes on paper",
    columns: [
      { head: "" },
      ...["sockets of a relay", "workspaces that it follows", "its messages a second"].map(right),
      ...["those of a NATS server, of 5", "subscriptions in all"].map(right),
    ],
    rows: [row("what is simulated", SIZE), ...Object.entries(OTHERS).map(([name, size]) => row(name, size))],
  };
}

/** All messages a second, in and out, of relays on which everything is dealt evenly: what the protocol's own times make of it. */
function onPaper({ relays, workspaces, watched, viewersEach, editsPerSecond, refreshesPerSecond }: Size): number {
  const elsewhere = 1 - 1 / relays; // of viewers
  const following = viewersEach * elsewhere; // relays of one workspace
  const heard = 1 + following; // what a home says: out once, and in at each
  const announcing = (2 * workspaces) / ANNOUNCE_S + (watched * following) / ANNOUNCE_S;
  const beacons = (watched * heard) / BEACON_S;
  const keepalives = (watched * following * 3) / KEEPALIVE_S; // a question, out and in, and its answer
  const edits = editsPerSecond * heard;
  const refreshes = refreshesPerSecond * elsewhere * (2 + heard);
  return announcing + beacons + keepalives + edits + refreshes;
}

function goals(outcomes: ReadonlyMap<string, Outcome>): Goal[] {
  return [...outcomes].flatMap(([name, outcome]) => {
    const longest = Math.max(...outcome.sinceAgentMs);
    const { wrong, unanswered, neverRight } = outcome;
    return [
      {
        what: `${name}: barriers that passed too early`,
        goal: "none",
        reached: wrong.length === 0 ? "none" : `${wrong.length}: ${wrong[0]}`,
        met: wrong.length === 0,
      },
      {
        what: `${name}: viewers that were never right, and refreshes without an answer`,
        goal: "none",
        reached: whole(neverRight + unanswered),
        met: neverRight + unanswered === 0,
      },
      {
        what: `${name}: the last viewer that kept its relay is right, from when the agent is back`,
        goal: `at most ${milliseconds(GOAL_MS)}`,
        reached: milliseconds(longest),
        met: longest <= GOAL_MS,
      },
    ];
  });
}

function transposed(columns: readonly (readonly string[])[]): string[][] {
  const [first = []] = columns;
  return first.map((_, at) => columns.map((column) => column[at] ?? ""));
}
