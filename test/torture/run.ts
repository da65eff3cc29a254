// `npm run torture [-- --watcher W --seed S --rounds N --secrets --compare --refresh]`: random sequences of real operations on
// a followed tree. After each the tree's text must equal git's within the time that docs/watching.md allows, or, with `--refresh`, in the
// answer to a refresh that is sent at once. A seed replays its repository.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hideBin } from "yargs/helpers";
import yargs from "yargs/yargs";
import { drawSeed } from "../support/random.js";
import { RIGHT_WITHIN_MS, WATCHERS } from "../support/watchers.js";
import { SEQUENCES_PER_REPOSITORY, Torture } from "./torture.js";

const options = await yargs(hideBin(process.argv))
  .option("seed", { type: "number", default: drawSeed(), describe: "first repository's seed" })
  .option("rounds", {
    type: "number",
    default: 250,
    describe: `repositories, ${SEQUENCES_PER_REPOSITORY} sequences each`,
  })
  .option("watcher", { choices: WATCHERS, default: "inotify" as const, describe: "where events come from" })
  .option("secrets", { type: "boolean", default: false, describe: "with secrets, and what hides them" })
  .option("compare", { type: "boolean", default: false, describe: "with the base of the branch, in place of HEAD" })
  .option("allowed-ms", { type: "number", describe: "time within which a state must be right; default: as promised" })
  .option("refresh", {
    type: "boolean",
    default: false,
    describe: "ask at once by a refresh, whose answer must be right",
  })
  .strict()
  .parseAsync();

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "treewire-torture-")));
const torture = new Torture(scratch, options.allowedMs ?? RIGHT_WITHIN_MS[options.watcher], {
  watcher: options.watcher,
  withSecrets: options.secrets,
  asks: options.refresh,
  compares: options.compare,
});
process.stdout.write(`seeds from ${options.seed} on\n`);
const counts = { right: 0, late: 0, wrong: 0, refused: 0, stale: 0, written: 0 };
const times: number[] = [];
try {
  for (let seed = options.seed; seed < options.seed + options.rounds; seed++) {
    for await (const { sequence, verdict, ms, report, written } of torture.run(seed)) {
      counts[verdict] += 1;
      if (verdict === "right" || verdict === "late") times.push(ms);
      if (verdict === "late") process.stdout.write(`LATE: seed ${seed}, sequence ${sequence}: ${ms} ms\n`);
      if (verdict === "wrong") process.stdout.write(`WRONG: seed ${seed}, sequence ${sequence}\n${report}\n`);
      if (verdict === "stale") process.stdout.write(`STALE: seed ${seed}, sequence ${sequence}\n`);
      if (written.length > 0) {
        counts.written += 1;
        process.stdout.write(`WRITTEN: seed ${seed}, sequence ${sequence}: ${written.join(", ")}\n`);
      }
      if (process.stderr.isTTY) process.stderr.write(`\r${counts.right} right, ${counts.wrong} wrong`);
    }
  }
} finally {
  await torture.close();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
times.sort((a, b) => a - b);
const percentile = (share: number): number => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
process.stdout.write(
  `seeds ${options.seed} to ${options.seed + options.rounds - 1}: ${counts.right} sequences right, ${counts.late} late, ${counts.wrong} wrong, ` +
    `${counts.refused} that git itself refuses, ${counts.stale} where git itself trusts stale stat data; .git written to in ${counts.written}; ` +
    `right after ${percentile(0.5)} ms (median), ${percentile(0.99)} ms (99 %), ${percentile(1)} ms (most)\n`,
);
process.exitCode = counts.late + counts.wrong + counts.written === 0 ? 0 : 1;
