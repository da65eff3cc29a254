// `npm run torture:names [-- --watcher W --seed S --rounds N]`: repositories that find their settings, refs and git directories
// through chains of links and pointer files, of which random steps are replaced, renamed, removed and restored. After each
// operation the tree's text must equal git's within the time that docs/watching.md allows. A seed replays its chain.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hideBin } from "yargs/helpers";
import yargs from "yargs/yargs";
import { drawSeed } from "../support/random.js";
import { RIGHT_WITHIN_MS, WATCHERS } from "../support/watchers.js";
import { NameTorture } from "./names.js";

const options = await yargs(hideBin(process.argv))
  .option("seed", { type: "number", default: drawSeed(), describe: "first chain's seed" })
  .option("rounds", { type: "number", default: 2000, describe: "chains" })
  .option("watcher", { choices: WATCHERS, default: "inotify" as const, describe: "where events come from" })
  .option("allowed-ms", { type: "number", describe: "time within which a state must be right; default: as promised" })
  .strict()
  .parseAsync();

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "treewire-names-")));
const torture = new NameTorture(scratch, options.allowedMs ?? RIGHT_WITHIN_MS[options.watcher], options.watcher);
process.stdout.write(`seeds from ${options.seed} on\n`);
const counts = { right: 0, late: 0, wrong: 0 };
let changes = 0;
let mostMs = 0;
try {
  for (let seed = options.seed; seed < options.seed + options.rounds; seed++) {
    const { verdict, ms, changes: changed, report } = await torture.run(seed);
    counts[verdict] += 1;
    changes += changed;
    if (verdict !== "wrong") mostMs = Math.max(mostMs, ms);
    if (verdict !== "right") process.stdout.write(`${verdict.toUpperCase()}: seed ${seed}, ${ms} ms\n${report}\n`);
  }
} finally {
  await torture.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
process.stdout.write(
  `seeds ${options.seed} to ${options.seed + options.rounds - 1}: ${counts.right} chains right, ${counts.late} late, ` +
    `${counts.wrong} wrong; ${changes} operations changed git's answer; right after ${mostMs} ms at most\n`,
);
process.exitCode = counts.late + counts.wrong === 0 ? 0 : 1;
