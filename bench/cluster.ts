import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { NatsServer, withoutNats } from "../test/support/nats-server.js";
import { type Cleanup, tempDir } from "../test/support/temp.js";
import { type Shown, Stage, Workspaces } from "./cluster/stage.js";
import { WatchedFile } from "./cluster/watched-file.js";
import { median, milliseconds, progress, quantile, ratioText } from "./support/measure.js";
import type { Goal, Report, Table } from "./support/publish.js";

/** `BENCH_ROUNDS`, `BENCH_TREES`: fewer, to try it. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const TREES = Number(process.env.BENCH_TREES ?? 1_000);
const BYTES = 2 * 1024;
/** Edits one by one, and as many as two processors bear at several relays: of all trees together, in a second. */
const PACES = { "now and then": 50, "all the time": 1_000 } as const;
type Pace = keyof typeof PACES;
const EDIT_SECONDS = 4;
/** Of a file that a real agent watches, in each round. */
const FILE_EDITS = 20;

/** Beside a relay whose loop stands still: more bytes than the NATS server keeps for one client. */
const LARGE_TREES = Math.min(TREES, 64);
/** Not so many that they are packed, which takes the relays longer than their NATS server. */
const LARGE_BYTES = 3.5 * 1024;
const LARGE_PER_SECOND = 1_000;
const BLOCKED_MS = 8_000;
const MAX_PENDING = "16MB";

const GOAL_RATIO = 1.5;
const GOAL_BESIDE = 2;
const GOAL_RIGHT_MS = 1_000;

/** What docs/cluster.md has an operator set, and what a server does that nobody has told. */
const CONFIGURATIONS = {
  "with `no_fast_producer_stall`": "no_fast_producer_stall: true\n",
  "without it": "",
} as const;
type Configuration = keyof typeof CONFIGURATIONS;

/** What was measured with viewers at one relay. */
interface Figures {
  /** From the write of a file to its viewer, with a real agent; and the medians of rounds. Milliseconds. */
  fileMs: number[];
  fileMedians: number[];
  latencies: Record<Pace, number[]>;
  /** Of the relay that has the viewers, and of the one that has the agents: microseconds for each edit. */
  cpuUs: number[];
  homeCpuUs: number[];
}

/** Of 95 in 100 edits, at viewers beside a relay whose loop stands still, and before. Milliseconds. */
interface Beside {
  calm: number[];
  beside: number[];
  /** Until the viewers of that relay were right, from when it went on. */
  rightMs: number[];
}

const right = (head: string) => ({ head, align: "right" }) as const;
const microseconds = (us: number) => `${us.toFixed(0)} µs`;
const whole = (value: number) => Math.round(value).toLocaleString("en");

/** Relays at one NATS server, beside one relay alone. */
export async function benchmark(): Promise<Report | string> {
  if (withoutNats !== false) return withoutNats;
  const endings: (() => unknown)[] = [];
  const t: Cleanup = { teardown: (handler) => endings.push(handler) };
  try {
    const workspaces = await Workspaces.make(t, TREES);
    const [alone, across] = await delivery(t, workspaces);
    await end(endings);
    const large = await Workspaces.make(t, LARGE_TREES);
    const beside = new Map<Configuration, Beside>();
    for (const name of Object.keys(CONFIGURATIONS) as Configuration[])
      beside.set(name, await besideBlocked(t, large, name));
    progress("");
    return report(alone, across, beside);
  } finally {
    await end(endings);
  }
}

/** What was started last ends first. */
async function end(endings: (() => unknown)[]): Promise<void> {
  for (const ending of endings.splice(0).reverse()) await ending();
}

/** Edits at viewers of the relay that has the agents, and of another one, turn by turn. */
async function delivery(t: Cleanup, workspaces: Workspaces): Promise<[Figures, Figures]> {
  const nats = await natsServer(t, "with `no_fast_producer_stall`");
  progress("one relay alone");
  const stages: Measured[] = [];
  for (const options of [{ bytes: BYTES }, { nats, others: 1, bytes: BYTES }]) {
    const stage = await Stage.start(t, workspaces, options);
    stages.push({ stage, file: await fileOf(t, stage, workspaces), figures: noFigures() });
  }
  const [alone, across] = stages.map(({ figures }) => figures);
  if (alone === undefined || across === undefined) throw new Error("there are two");
  for (const { stage } of stages) await stage.edit(PACES["all the time"], PACES["all the time"]); // what is compiled first is not theirs
  for (let round = 0; round < ROUNDS; round += 1) {
    progress(`round ${round + 1} of ${ROUNDS}`);
    for (const measured of stages) await measure(measured);
    stages.reverse(); // who was second is first in the next round
  }
  return [alone, across];
}

interface Measured {
  stage: Stage;
  file: WatchedFile;
  figures: Figures;
}

/** Its agent is where the others are, and its viewer as well. */
function fileOf(t: Cleanup, { homeUrl, stands }: Stage, workspaces: Workspaces): Promise<WatchedFile> {
  const [stand] = stands;
  if (stand === undefined) throw new Error("one relay has viewers");
  const { spareToken: agentToken, spareChat: chat, viewerToken } = workspaces;
  const agentAt = homeUrl.replace(/^ws/, "http");
  return WatchedFile.start(t, { agentAt, agentToken, viewerAt: stand.url, viewerToken, chat });
}

async function measure({ stage, file, figures }: Measured): Promise<void> {
  const times: number[] = [];
  for (let edit = 0; edit < FILE_EDITS; edit += 1) times.push(await file.edit());
  figures.fileMs.push(...times);
  figures.fileMedians.push(median(times));
  for (const pace of Object.keys(PACES) as Pace[]) {
    const { shown, homeCpuMs } = await stage.edit(EDIT_SECONDS * PACES[pace], PACES[pace]);
    const [only] = shown;
    if (only === undefined) throw new Error("one relay has viewers");
    const latencies = [...only.latencies];
    figures.latencies[pace].push(...latencies);
    if (pace === "now and then") continue;
    figures.cpuUs.push(only.cpuMs * 1_000);
    figures.homeCpuUs.push(homeCpuMs * 1_000);
  }
}

async function besideBlocked(t: Cleanup, workspaces: Workspaces, name: Configuration): Promise<Beside> {
  const figures: Beside = { calm: [], beside: [], rightMs: [] };
  const nats = await natsServer(t, name);
  const stage = await Stage.start(t, workspaces, { nats, others: 2, bytes: LARGE_BYTES });
  const [watched, blocked] = stage.stands;
  if (watched === undefined || blocked === undefined) throw new Error("two relays have viewers");
  const count = (BLOCKED_MS / 1_000) * LARGE_PER_SECOND;
  for (let round = 0; round < ROUNDS; round += 1) {
    progress(`a loop stands still, ${name}: round ${round + 1} of ${ROUNDS}`);
    const { shown } = await stage.edit(count, LARGE_PER_SECOND);
    figures.calm.push(ninetyFifth(shown[0]?.latencies));
    const beside = await stage.editBeside(blocked, { ms: BLOCKED_MS, count, perSecond: LARGE_PER_SECOND });
    figures.beside.push(ninetyFifth(beside.shown.get(watched)));
    figures.rightMs.push(beside.rightMs);
  }
  return figures;
}

function ninetyFifth(latencies: Shown["latencies"] | undefined): number {
  return quantile([...(latencies ?? [])], 0.95);
}

async function natsServer(t: Cleanup, name: Configuration): Promise<string> {
  const path = join(tempDir(t), "nats.conf");
  writeFileSync(path, `max_pending: ${MAX_PENDING}\nwrite_deadline: "5s"\n${CONFIGURATIONS[name]}`);
  return (await NatsServer.startWith(t, ["-c", path])).url;
}

function noFigures(): Figures {
  const none = () => ({ "now and then": [], "all the time": [] });
  return { fileMs: [], fileMedians: [], latencies: none(), cpuUs: [], homeCpuUs: [] };
}

function report(alone: Figures, across: Figures, beside: ReadonlyMap<Configuration, Beside>): Report {
  const method = `Relays with their defaults, rates aside, in processes of their own, at one NATS server. ${whole(TREES)} agents, each with a
workspace and a tree whose diff has ${BYTES / 1024} KiB, are in a process at the first relay; a viewer of each is in another one. One relay alone has
both; of two, the viewers are at the second. Beside them a real agent watches a file that is written now and then. They take turns, ${ROUNDS} rounds of ${EDIT_SECONDS} s each. Edits come ${PACES["now and then"]} times a second, and ${whole(PACES["all the time"])} times, all
trees together: ten times as many is more than two processors bear with agents and viewers on them as well. A latency is from the
agent's send to the viewer's receipt; the time of the processor is all that a relay's process used, in ${whole(PACES["all the time"])} edits a second.

For a loop that stands still there are a third relay, and ${LARGE_TREES} trees with ${LARGE_BYTES / 1024} KiB each, edited ${LARGE_PER_SECOND} times a second together, of
which both the second and the third have viewers. The third relay's main thread waits for ${BLOCKED_MS / 1_000} s, which takes nobody's processor. The server keeps
\`max_pending: ${MAX_PENDING}\` for one client, a quarter of its default, so that this load fills it.`;
  const ratios = ratiosOf(across.fileMedians, alone.fileMedians);
  const cpuRatios = ratiosOf(across.cpuUs, alone.cpuUs);
  return {
    title: "Viewers at another relay",
    method,
    tables: [latencyTable(alone, across), cpuTable(alone, across), besideTable(beside)],
    goals: [
      goalOf("a file's edit at a viewer of another relay, beside one of the agent's, median", ratios, GOAL_RATIO),
      goalOf("time of the processor for an edit, of the viewers' relay", cpuRatios, GOAL_RATIO),
      ...besideGoals(beside),
    ],
  };
}

function latencyTable(alone: Figures, across: Figures): Table {
  const times = (values: readonly number[]) => [0.5, 0.95, 0.99].map((q) => milliseconds(quantile(values, q)));
  const row = (name: string, pace: Pace, { latencies }: Figures) => [
    `from the agent, ${name}, ${whole(PACES[pace])} edits a second`,
    ...times(latencies[pace]),
  ];
  const paces = Object.keys(PACES) as Pace[];
  return {
    title: "Until a viewer is shown an edit",
    columns: [{ head: "" }, ...["median", "95 of 100", "99 of 100"].map(right)],
    rows: [
      ["from the file, one relay", ...times(alone.fileMs)],
      ["from the file, another relay", ...times(across.fileMs)],
      ...paces.flatMap((pace) => [row("one relay", pace, alone), row("another relay", pace, across)]),
    ],
  };
}

function cpuTable(alone: Figures, across: Figures): Table {
  return {
    title: "Time of a relay's processor for an edit",
    columns: [{ head: "" }, right("median of rounds")],
    rows: [
      ["one relay, with the agent and the viewer", microseconds(median(alone.cpuUs))],
      ["the relay with the viewer", microseconds(median(across.cpuUs))],
      ["the relay with its agent", microseconds(median(across.homeCpuUs))],
    ],
  };
}

function besideTable(beside: ReadonlyMap<Configuration, Beside>): Table {
  return {
    title: `Beside a relay whose loop stands still for ${BLOCKED_MS / 1_000} s`,
    columns: [
      { head: "the NATS server" },
      ...[
        "95 of 100 before",
        "95 of 100 beside it",
        "ratio",
        "its own viewers are right after",
        "in the worst round",
      ].map(right),
    ],
    rows: [...beside].map(([name, { calm, beside: stalled, rightMs }]) => [
      name,
      milliseconds(median(calm)),
      milliseconds(median(stalled)),
      ratioText(median(ratiosOf(stalled, calm))),
      milliseconds(median(rightMs)),
      milliseconds(Math.max(...rightMs)),
    ]),
  };
}

function besideGoals(beside: ReadonlyMap<Configuration, Beside>): Goal[] {
  const figures = beside.get("with `no_fast_producer_stall`");
  if (figures === undefined) return [];
  const rightMs = median(figures.rightMs);
  return [
    goalOf(
      "95 of 100 edits beside a relay whose loop stands still, to those before",
      ratiosOf(figures.beside, figures.calm),
      GOAL_BESIDE,
    ),
    {
      what: "until the viewers of that relay are right, from when it goes on",
      goal: `at most ${milliseconds(GOAL_RIGHT_MS)}`,
      reached: milliseconds(rightMs),
      met: rightMs <= GOAL_RIGHT_MS,
    },
  ];
}

/** Of rounds that follow each other, which the machine's moods hit alike. */
function ratiosOf(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, round) => value / (under[round] ?? Number.NaN));
}

function goalOf(what: string, ratios: readonly number[], most: number): Goal {
  const ratio = median(ratios);
  return { what, goal: `at most ${ratioText(most)}`, reached: ratioText(ratio), met: ratio <= most };
}
