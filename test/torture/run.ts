// `npm run torture [-- --seed S --rounds N]`: random sequences of real operations on a followed tree. After each the
// tree's text must equal git's within the time that watching.md allows. `--seed` and `--only` replay one sequence.
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hideBin } from "yargs/helpers";
import yargs from "yargs/yargs";
import { silentLogger } from "../../src/util/index.js";
import { scanOnce, TreeHost } from "../../src/worktree/index.js";
import { expectedOf } from "../support/repo.js";
import { Random } from "./random.js";
import { makeSequence, makeTemplate, runSequence, textOf } from "./sequence.js";

/** Sequences that one repository goes through, one upon the other. */
const SEQUENCES_PER_REPOSITORY = 8;

const options = await yargs(hideBin(process.argv))
  .option("seed", { type: "number", default: Date.now() % 1_000_000, describe: "first repository's seed" })
  .option("rounds", { type: "number", default: 250, describe: "repositories, 8 sequences each" })
  .option("allowed-ms", { type: "number", default: 1000, describe: "time within which a state must be right" })
  .option("keep", { type: "boolean", default: false, describe: "leave the repositories that came out wrong" })
  .strict()
  .parseAsync();

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "treewire-torture-")));
const host = new TreeHost({ logger: silentLogger(), maxPatchBytes: 2 ** 31, keptPatchBytes: 2 ** 31 });
const template = join(scratch, "template");
makeTemplate(template);

let kept = false;
let sequences = 0;
let wrong = 0;
let refused = 0;
const late: number[] = [];
const progress = process.stderr.isTTY;
try {
  for (let round = 0; round < options.rounds; round++) await runRepository(options.seed + round);
} finally {
  await host.close();
  if (!kept) rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
late.sort((a, b) => a - b);
process.stdout.write(
  `${sequences} sequences, ${wrong} wrong, ${refused} that git itself can't answer; right after: median ${percentile(0.5)} ms, 99 % ${percentile(0.99)} ms, most ${percentile(1)} ms\n`,
);
process.exitCode = wrong === 0 ? 0 : 1;

async function runRepository(seed: number): Promise<void> {
  const random = new Random(seed);
  const root = join(scratch, `r${seed}`, "tree");
  const out = join(scratch, `r${seed}`, "out");
  mkdirSync(out, { recursive: true });
  cpSync(template, root, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  const tree = host.open(root);
  const troubles: string[] = [];
  tree.on("trouble", ({ message }) => troubles.push(message));
  await tree.refresh();
  for (let at = 0; at < SEQUENCES_PER_REPOSITORY; at++) {
    const steps = makeSequence(random);
    await runSequence(steps, root, out);
    sequences += 1;
    const result = await settle(root, () => textOf(tree.state));
    if (result === undefined) {
      refused += 1;
      break;
    }
    late.push(result.ms);
    if (result.equal) continue;
    wrong += 1;
    process.stdout.write(
      `WRONG: seed ${seed}, sequence ${at}\n${steps.map((step) => `  ${step.join("  ||  ")}`).join("\n")}\n`,
    );
    process.stdout.write(`${firstDifference(result.expected, result.got)}\n`);
    const later = await settle(root, () => textOf(tree.state));
    if (later?.equal) process.stdout.write(`it was late: right ${later.ms} ms after that\n`);
    const cold = textOf(await scanOnce(root)) === result.expected;
    const healed = textOf(await tree.refresh()) === result.expected;
    process.stdout.write(
      `a cold scan is ${cold ? "right" : "wrong"}, a refresh ${healed ? "heals" : "does not heal"}\n`,
    );
    process.stdout.write(`troubles: ${JSON.stringify(troubles)}\n`);
    if (options.keep) {
      process.stdout.write(`kept: ${root}\n`);
      kept = true;
    }
    break; // what follows would only say the same
  }
  tree.close();
  if (!kept) rmSync(join(scratch, `r${seed}`), { recursive: true, force: true, maxRetries: 5 });
  if (progress) process.stderr.write(`\r${sequences} sequences, ${wrong} wrong`);
}

interface Settled {
  equal: boolean;
  ms: number;
  expected: string;
  got: string | undefined;
}

/** Waits for the state to be git's, for as long as is allowed; the oracle's own time does not count. */
async function settle(root: string, text: () => string | undefined): Promise<Settled | undefined> {
  const began = performance.now();
  const seen: { at: number; text: string | undefined }[] = [];
  const watch = setInterval(() => {
    const now = text();
    if (seen.at(-1)?.text !== now) seen.push({ at: performance.now() - began, text: now });
  }, 2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const expected = gitsAnswer(root);
  if (expected === undefined) {
    clearInterval(watch);
    return undefined;
  }
  while (performance.now() - began < options.allowedMs && text() !== expected) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  clearInterval(watch);
  const equal = text() === expected;
  const ms = Math.round(seen.findLast((each) => each.text === expected)?.at ?? performance.now() - began);
  return { equal, ms, expected, got: text() };
}

/** `undefined` when git itself has no answer: a sequence can leave a `.git` that it stumbles over. */
function gitsAnswer(root: string): string | undefined {
  try {
    return expectedOf(root).unified_diff.toString("utf8");
  } catch (error) {
    if (error instanceof Error && "status" in error) return undefined;
    throw error;
  }
}

function firstDifference(expected: string, got: string | undefined): string {
  const want = expected.split("\n");
  const have = (got ?? "(gone)").split("\n");
  const at = want.findIndex((line, index) => line !== have[index]);
  const from = Math.max(0, (at < 0 ? want.length : at) - 3);
  return `expected:\n${want.slice(from, from + 12).join("\n")}\ngot:\n${have.slice(from, from + 12).join("\n")}`;
}

function percentile(share: number): number {
  return late[Math.min(late.length - 1, Math.floor(share * late.length))] ?? 0;
}
