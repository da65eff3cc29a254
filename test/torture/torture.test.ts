import t from "tap";
import { tempDir } from "../support/temp.js";
import { Torture } from "./torture.js";

/** Five repositories of eight sequences each, chosen: git itself answers all of them. */
const SEEDS = [11, 12, 13, 14, 15];
/** Not a bound on the product, which `npm run torture` measures: only the time after which a test gives up. */
const PATIENCE_MS = 20_000;

t.setTimeout(300_000);

t.test("after any sequence of operations the state is git's, by events alone, and nothing is written", async (t) => {
  const torture = new Torture(tempDir(t), PATIENCE_MS);
  t.teardown(() => torture.close());
  let answered = 0;
  for (const seed of SEEDS) {
    for await (const { sequence, verdict, report, written } of torture.run(seed)) {
      t.not(verdict, "wrong", `seed ${seed}, sequence ${sequence}\n${report}`);
      t.strictSame(written, [], `seed ${seed}, sequence ${sequence} leaves .git alone`);
      if (verdict === "right") answered += 1;
    }
  }
  t.equal(answered, 40, "git answers all of these");
});
