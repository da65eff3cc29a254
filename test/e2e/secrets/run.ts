// `npm run secrets [-- --seed S --rounds N]`: secrets of all kinds in all places, in real programs: first with an agent that
// hides them, where nothing of any may be found, then with one that does not, where all have to be found.
import { hideBin } from "yargs/helpers";
import yargs from "yargs/yargs";
import { drawSeed } from "../../support/random.js";
import { createRepo } from "../../support/repo.js";
import type { Cleanup } from "../../support/temp.js";
import { gather } from "./evidence.js";
import { PLACE_NAMES, Planted } from "./planted.js";
import { Runs } from "./runs.js";

const options = await yargs(hideBin(process.argv))
  .option("seed", { type: "number", default: drawSeed(), describe: "what the secrets are drawn from" })
  .option("rounds", { type: "number", default: 5, describe: "secrets of each kind in each place" })
  .strict()
  .parseAsync();

const handlers: (() => unknown)[] = [];
const cleanup: Cleanup = { teardown: (handler) => void handlers.unshift(handler) };
const say = (text: string) => process.stdout.write(`${text}\n`);
let failures = 0;
try {
  const { seed, rounds } = options;
  const planted = new Planted(createRepo(cleanup), { seed, rounds, takes: () => true });
  const secrets = new Runs(planted.secrets);
  const marks = new Runs(planted.marks);
  say(`seed ${seed}: ${planted.secrets.size} secrets in ${PLACE_NAMES.length} places`);

  const hidden = await gather(cleanup, planted, { args: [], change: () => planted.editAgain() });
  for (const [where, bytes] of Object.entries(hidden)) {
    const found = [...secrets.in(bytes)];
    failures += found.length;
    say(
      `withhold, ${where}: ${bytes.length} bytes, of ${found.length} secrets something, ${marks.in(bytes).size} marks`,
    );
    for (const name of found) say(`  FOUND: ${name}`);
  }
  const open = await gather(cleanup, planted, { args: ["--secrets", "send"] });
  for (const where of ["frames", "heap", "states"] as const) {
    const found = secrets.in(open[where]);
    // of commits, a relay keeps nothing, and holds the newest of a comparison as long as somebody watches it
    const wanted = where === "frames" ? new Set(planted.secrets.keys()) : planted.kept;
    const missed = [...wanted].filter((name) => !found.has(name));
    const unmarked = planted.marks.size - marks.in(hidden[where]).size;
    failures += missed.length + unmarked;
    say(`send, ${where}: of ${found.size} secrets something, as of ${wanted.size} that are there`);
    for (const name of missed) say(`  NOT SEEN: ${name}`);
    if (unmarked > 0) say(`  NOT SEEN: ${unmarked} marks, when the secrets were hidden`);
  }
} finally {
  for (const handler of handlers) await handler();
}
say(failures === 0 ? "nothing left the workspace" : `${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
