import t from "tap";
import { tempDir } from "../support/temp.js";
import { NameTorture } from "./names.js";

/** Chosen so that each kind of chain is among them. */
const FIRST_SEED = 100;
const CHAINS = 40;
/** Not a bound on the product, which `npm run torture:names` measures: only the time after which a test gives up. */
const PATIENCE_MS = 20_000;

t.setTimeout(300_000);

t.test(
  "whichever step of a chain of names is replaced, renamed, removed or restored, the state is git's",
  async (t) => {
    const torture = new NameTorture(tempDir(t), PATIENCE_MS);
    t.teardown(() => torture.close());
    let changes = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + CHAINS; seed++) {
      const outcome = await torture.run(seed);
      t.not(outcome.verdict, "wrong", `seed ${seed}\n${outcome.report}`);
      changes += outcome.changes;
    }
    t.ok(changes > CHAINS / 2, `${changes} operations change what git says`);
  },
);
