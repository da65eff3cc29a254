import { Random } from "../../test/support/random.js";
import { git } from "../../test/support/repo.js";
import { type EditCost, measureEdits } from "./edits.js";
import { FollowedProcess } from "./followed.js";
import { median, progress, quantile } from "./measure.js";

/** What one edit costs. */
export interface EditFigures {
  medianMs: number;
  p99Ms: number;
  cpuMs: number;
}

const ROUNDS = 4;
const EDITS_A_ROUND = 60;
/** Behind the first state, by then the thread is at rest. */
const START_MS = 1500;

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Edits of a tree of which HEAD's diff is followed, and of one of which the diff from the branch's base is followed besides:
 * in turns, so that both meet the same machine. The time of the second is that until the comparison is told.
 *
 * @param root its branch has a base
 */
export async function compareEdits(root: string): Promise<{ plain: EditFigures; compared: EditFigures }> {
  const paths = git(root, "ls-files").split("\n");
  const random = new Random(2);
  const plain: EditCost = { timesMs: [], cpuMs: 0 };
  const compared: EditCost = { timesMs: [], cpuMs: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [cost, env] of [
      [plain, {}],
      [compared, { TREEWIRE_BENCH_COMPARE: "base" }],
    ] as const) {
      progress(`edits, round ${round + 1} of ${ROUNDS}`);
      const followed = new FollowedProcess(root, env);
      await followed.state();
      await rest(START_MS);
      const { timesMs, cpuMs } = await measureEdits(followed, root, paths, { edits: EDITS_A_ROUND, random });
      cost.timesMs.push(...timesMs);
      cost.cpuMs += cpuMs;
      await followed.close();
    }
  }
  return { plain: figuresOf(plain), compared: figuresOf(compared) };
}

function figuresOf({ timesMs, cpuMs }: EditCost): EditFigures {
  return { medianMs: median(timesMs), p99Ms: quantile(timesMs, 0.99), cpuMs: cpuMs / timesMs.length };
}
