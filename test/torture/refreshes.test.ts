import t from "tap";
import { SEED } from "../support/random.js";
import { tempDir } from "../support/temp.js";
import { RefreshTorture } from "./refreshes.js";

t.setTimeout(120_000);

t.test("each answer to a refresh covers every write that was finished before it was sent", async (t) => {
  const torture = new RefreshTorture(tempDir(t));
  t.teardown(() => torture.close());
  let amidWrites = 0;
  for (const seed of [SEED, SEED + 1]) {
    for await (const outcome of torture.run(seed, 6)) {
      t.strictSame(outcome.wrong, [], `seed ${seed}, sequence ${outcome.sequence}`);
      amidWrites += outcome.amidWrites;
    }
  }
  t.ok(amidWrites > 0, "some were sent amid a write");
});
