// `npm run torture:refresh [-- --seed S --rounds N]`: random sequences of writes, with refreshes sent while they go on. Each answer
// must cover every write that was finished before it was sent (docs/watching.md). A seed replays what is written.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hideBin } from "yargs/helpers";
import yargs from "yargs/yargs";
import { drawSeed } from "../support/random.js";
import { RefreshTorture, SEQUENCES_PER_REPOSITORY } from "./refreshes.js";

const { seed: first, rounds } = await yargs(hideBin(process.argv))
  .option("seed", { type: "number", default: drawSeed(), describe: "first repository's seed" })
  .option("rounds", {
    type: "number",
    default: 250,
    describe: `repositories, ${SEQUENCES_PER_REPOSITORY} sequences each`,
  })
  .strict()
  .parseAsync();

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "treewire-torture-")));
const torture = new RefreshTorture(scratch);
const counts = { sequences: 0, wrong: 0, answers: 0, amidWrites: 0 };
const times: number[] = [];
try {
  for (let seed = first; seed < first + rounds; seed++) {
    for await (const outcome of torture.run(seed)) {
      counts.sequences += 1;
      counts.answers += outcome.answers;
      counts.amidWrites += outcome.amidWrites;
      times.push(...outcome.times);
      if (outcome.wrong.length > 0) counts.wrong += 1;
      for (const line of outcome.wrong) {
        process.stdout.write(`WRONG: seed ${seed}, sequence ${outcome.sequence}: ${line}\n`);
      }
    }
  }
} finally {
  await torture.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
times.sort((a, b) => a - b);
const quantile = (share: number): string =>
  (times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0).toFixed(1);
process.stdout.write(
  `seeds ${first} to ${first + rounds - 1}: ${counts.sequences} sequences, ${counts.wrong} wrong; ${counts.answers} answers, ` +
    `${counts.amidWrites} of them asked for amid a write; answered after ${quantile(0.5)} ms (median), ` +
    `${quantile(0.99)} ms (99 %), ${quantile(1)} ms (most)\n`,
);
process.exitCode = counts.wrong === 0 ? 0 : 1;
