import t from "tap";
import { Random, SEED } from "../support/random.js";
import { expectedOf } from "../support/repo.js";
import { generateRepository } from "./generate.js";
import { shown } from "./test-groups.js";

/** `TREEWIRE_GENERATED=1000 TREEWIRE_TEST_SEED=1` tries more of them. */
const COUNT = Number(process.env.TREEWIRE_GENERATED ?? 15);

process.env.GIT_CONFIG_GLOBAL = "/dev/null";
process.env.GIT_CONFIG_NOSYSTEM = "1";
t.setTimeout(0);

for (let seed = SEED; seed < SEED + COUNT; seed += 1) {
  t.test(`whatever the settings, the attributes and the work: seed ${seed}`, async (t) => {
    const { root } = generateRepository(t, new Random(seed));
    const expected = whatGitShows(root);
    if (expected === undefined) await t.rejects(shown(root), { name: "TreewireError" });
    else t.equal((await shown(root)).diff, expected);
  });
}

/** `undefined` where git refuses. */
function whatGitShows(root: string): string | undefined {
  try {
    return expectedOf(root).unified_diff.toString("latin1");
  } catch {
    return undefined;
  }
}
