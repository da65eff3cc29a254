import t, { type Test } from "tap";
import { FAULT_KINDS, type FaultKind } from "../support/faults.js";
import { FaultyWorld } from "../support/faulty-world.js";
import { drawSeed, Random, SEED } from "../support/random.js";
import { until } from "../support/until.js";

// All kinds of faults of networks, proxies, disks and readers, at random, between the built programs. After each, whoever
// watches is right, and at the end nobody holds more than before.
//
//   FAULTS=proxy-403,slow-link   draws from these alone
//   ROUNDS=1000                  draws so often; without it, each quick kind comes once

/** What must hold: every viewer is right so long after the fault, or while it lasts where it is to be borne. Milliseconds. */
const RIGHT_WITHIN_MS = 35_000;
/** How long a fault lasts, at most. Milliseconds. */
const FAULT_MS = 300;
/** Of all rounds, those whose fault costs half a minute. */
const SLOW_SHARE = 0.01;

const seed = process.env.REAL_TIME === "1" ? drawSeed() : SEED;
const rounds = Number(process.env.ROUNDS ?? 0);
const named = process.env.FAULTS?.split(",");
const kinds = Object.entries(FAULT_KINDS).filter(([name]) => named?.includes(name) ?? true);
for (const name of named ?? []) if (!(name in FAULT_KINDS)) throw new Error(`there is no fault ${name}`);
t.comment(`TREEWIRE_TEST_SEED=${seed}`);

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** How the rounds of one kind went. */
class Tally {
  readonly #byKind = new Map<string, { rounds: number; slowestMs: number; failed: number }>();

  note(kind: string, tookMs: number | undefined): void {
    const known = this.#byKind.get(kind) ?? { rounds: 0, slowestMs: 0, failed: 0 };
    known.rounds += 1;
    if (tookMs === undefined) known.failed += 1;
    else known.slowestMs = Math.max(known.slowestMs, Math.round(tookMs));
    this.#byKind.set(kind, known);
  }

  get lines(): string[] {
    return [...this.#byKind]
      .sort()
      .map(
        ([kind, { rounds, slowestMs, failed }]) =>
          `${kind}: ${rounds} rounds, ${failed} failed, ${slowestMs} ms at most`,
      );
  }
}

/** One fault, with edits before, in and after it. @returns how long it took until all were right, in milliseconds */
async function round(world: FaultyWorld, kind: FaultKind, random: Random, label: string): Promise<number> {
  const { repo } = world;
  const edit = (when: string) => repo.write("a.txt", `${label} ${when} ${"x".repeat(random.small(0, 8_000))}\n`);
  const right = async (when: string): Promise<number> => {
    const expected = `${repo.git("diff", "--full-index", "HEAD")}\n`;
    const wrong = () => world.viewers.filter((viewer) => viewer.diff(repo.root) !== expected);
    const beganMs = performance.now();
    await until(
      `${label}: right ${when}`,
      () => {
        if (world.ended !== undefined) throw new Error(`${label}: ended: ${world.ended}`);
        return wrong().length === 0;
      },
      { deadlineMs: RIGHT_WITHIN_MS, seen: () => [wrong().map(({ name }) => name), world.agentLog.slice(-1_000)] },
    );
    return performance.now() - beganMs;
  };
  edit("before");
  const end = await kind.begin(world, random);
  let tookMs: number;
  try {
    if (random.chance(0.5)) edit("meanwhile");
    await pass(random.next() * FAULT_MS);
    tookMs = kind.isBorne ? await right("meanwhile") : 0;
  } finally {
    await end();
  }
  if (random.chance(0.5)) edit("after");
  return Math.max(tookMs, await right("after"));
}

/** The kinds in the order in which they happen. */
function* drawn(t: Test, random: Random): Generator<[name: string, kind: FaultKind]> {
  const possible = kinds.filter(([name, { refusal }]) => {
    if (refusal) t.comment(`not tried: ${name}: ${refusal}`);
    return !refusal;
  });
  const quick = possible.filter(([, { isSlow }]) => !isSlow);
  const slow = possible.filter(([, { isSlow }]) => isSlow);
  if (rounds === 0) yield* named === undefined ? quick : possible;
  for (let count = 0; count < rounds; count += 1) {
    const isSlow = quick.length === 0 || (slow.length > 0 && random.chance(SLOW_SHARE));
    yield random.pick(isSlow ? slow : quick);
  }
}

t.test("whatever lies between them fails: every viewer is right after it, and nobody holds more", async (t) => {
  const random = new Random(seed);
  const world = await FaultyWorld.start(t);
  const tally = new Tally();
  const order = [...drawn(t, random)];
  let failures = 0;
  await round(world, { begin: async () => () => {} }, random, "without a fault");
  let settled = world.holdings();
  let halfWay = settled;
  let logHalfWay = 0;
  for (const [at, [name, kind]] of order.entries()) {
    const label = `round ${at + 1}, ${name} (seed ${seed})`;
    try {
      tally.note(name, await round(world, kind, random, label));
    } catch (error) {
      failures += 1;
      tally.note(name, undefined);
      t.fail(label, { found: String(error) });
      for (const link of world.links) link.heal();
      await world.startPrograms();
      await round(world, { begin: async () => () => {} }, random, "started anew");
      settled = world.holdings();
    }
    if ((at + 1) % 100 === 0) t.comment(`${at + 1} rounds, ${failures} failed`);
    if (at === Math.floor(order.length / 10) && failures === 0) settled = world.holdings();
    if (at === Math.floor(order.length / 2)) {
      halfWay = world.holdings();
      logHalfWay = world.agentLogBytes;
    }
  }
  for (const line of tally.lines) t.comment(line);
  t.equal(failures, 0, `${order.length} rounds`);
  if (order.length < 10) return;

  for (const name of ["relay", "agent", "relay watch"] as const) {
    await until(`${name} has no more open files`, () => world.holdings()[name].files <= settled[name].files + 2, {
      seen: () => [settled[name], world.holdings()[name]],
    });
    const { watches, memory } = world.holdings()[name];
    t.equal(watches, settled[name].watches, `${name}: as many watches`);
    t.ok(memory < halfWay[name].memory + 50 * 1024 * 1024, `${name}: no more memory than half-way`);
  }
  if (rounds < 100 || failures > 0) return; // of few rounds, one half may have the talkative kinds
  const logged = world.agentLogBytes;
  t.ok(logged - logHalfWay < 2 * logHalfWay, `the agent's log: ${logHalfWay} bytes half-way, ${logged} at the end`);
});
