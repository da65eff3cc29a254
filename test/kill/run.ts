// `npm run kill [-- --rounds N --seed S]`: kills relay and agent with SIGKILL at random moments under uploads, archive calls,
// new tokens, chats and tracks, and streams; in a third of the rounds their disk (a tmpfs, which takes root) is filled before.
// After each restart nothing may be half there or lost, and every client right within the allowed time.
import { hideBin } from "yargs/helpers";
import yargs from "yargs/yargs";
import { drawSeed, Random } from "../support/random.js";
import { KillStack, NO_SMALL_DISK, type Outcome, VICTIMS } from "./world.js";

/** Each store goes through so many kills; then a new one begins. */
const ROUNDS_PER_STORE = 25;

const options = await yargs(hideBin(process.argv))
  .option("rounds", { type: "number", default: 200, describe: "kills" })
  .option("full", { type: "number", default: 1 / 3, describe: "in which share of them the disk is full" })
  .option("seed", { type: "number", default: drawSeed(), describe: "what decides who dies, and when" })
  .option("allowed-ms", { type: "number", default: 2000, describe: "time within which every client must be right" })
  .strict()
  .parseAsync();

const random = new Random(options.seed);
const outcomes: Outcome[] = [];
const acknowledged = { uploads: 0, archives: 0, tokens: 0, chats: 0, tracks: 0 };
let bad = 0;
process.stdout.write(`seed ${options.seed}\n`);
if (NO_SMALL_DISK !== false) process.stdout.write(`no disk is filled: ${NO_SMALL_DISK}\n`);
while (outcomes.length < options.rounds) {
  const handlers: (() => unknown)[] = [];
  try {
    const world = await KillStack.start({ teardown: (handler) => handlers.push(handler) }, random);
    const wanted = Math.min(options.rounds, outcomes.length + ROUNDS_PER_STORE);
    while (outcomes.length < wanted) {
      const outcome = await world.round(random.pick(VICTIMS), random.chance(options.full));
      outcomes.push(outcome);
      tell(outcome);
    }
    const lost = await world.end();
    bad += lost.length;
    for (const line of lost) process.stdout.write(`LOST: ${line}\n`);
    const here = world.acknowledged;
    for (const kind of Object.keys(acknowledged) as (keyof typeof acknowledged)[]) acknowledged[kind] += here[kind];
  } finally {
    for (const handler of handlers.reverse()) await handler();
  }
}
const times = outcomes.map(({ rightMs }) => rightMs).sort((a, b) => a - b);
const percentile = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))];
process.stdout.write(
  `${outcomes.length} kills, ${outcomes.filter(({ diskWasFull }) => diskWasFull).length} with a full disk, ${bad} problems; ` +
    `acknowledged: ${Object.entries(acknowledged)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(", ")}; ` +
    `clients right after ${percentile(0.5)} ms (median), ${percentile(0.99)} ms (99 %), ${percentile(1)} ms (most)\n`,
);
process.exitCode = bad === 0 ? 0 : 1;

function tell({ victim, diskWasFull, afterMs, rightMs, problems }: Outcome): void {
  const all = rightMs <= options.allowedMs ? problems : [...problems, `right after ${rightMs} ms`];
  bad += all.length;
  for (const problem of all) {
    process.stdout.write(
      `round ${outcomes.length}, ${victim}${diskWasFull ? ", disk full," : ""} after ${afterMs} ms: ${problem}\n`,
    );
  }
  if (process.stderr.isTTY) process.stderr.write(`\r${outcomes.length} of ${options.rounds} kills, ${bad} problems`);
}
