import t from "tap";
import { tempDir } from "../support/temp.js";
import { WATCHERS } from "../support/watchers.js";
import { Torture } from "./torture.js";

/** Repositories of so many sequences each, chosen: git itself answers all of them. `npm run torture` runs more. */
const CHOSEN = {
  inotify: { seeds: [11, 12, 13, 14, 15], sequences: 8 },
  parcel: { seeds: [11, 12], sequences: 6 },
  poll: { seeds: [13, 14], sequences: 6 },
};
/** Not a bound on the product, which `npm run torture` measures: only the time after which a test gives up. */
const PATIENCE_MS = 20_000;

t.setTimeout(300_000);

for (const watcher of WATCHERS) {
  t.test(`after any sequence of operations the state is git's, and nothing is written: ${watcher}`, async (t) => {
    const torture = new Torture(tempDir(t), PATIENCE_MS, { watcher });
    t.teardown(() => torture.close());
    const { seeds, sequences } = CHOSEN[watcher];
    let answered = 0;
    for (const seed of seeds) {
      for await (const { sequence, verdict, report, written } of torture.run(seed, sequences)) {
        t.not(verdict, "wrong", `seed ${seed}, sequence ${sequence}\n${report}`);
        t.strictSame(written, [], `seed ${seed}, sequence ${sequence} leaves .git alone`);
        if (verdict === "right") answered += 1;
      }
    }
    t.equal(answered, seeds.length * sequences, "git answers all of these");
  });
}

t.test(
  "after any sequence with secrets in it, what is let go is what the same rules make of git's answer",
  async (t) => {
    const torture = new Torture(tempDir(t), PATIENCE_MS, { withSecrets: true });
    t.teardown(() => torture.close());
    let answered = 0;
    for await (const { sequence, verdict, report } of torture.run(7000, 6)) {
      t.equal(verdict, "right", `sequence ${sequence}\n${report}`);
      answered += 1;
    }
    t.equal(answered, 6);
  },
);

t.test("a comparison with the branch's base is git's as well", async (t) => {
  const torture = new Torture(tempDir(t), PATIENCE_MS, { compares: true });
  t.teardown(() => torture.close());
  for await (const { sequence, verdict, report, written } of torture.run(16, 6)) {
    t.equal(verdict, "right", `sequence ${sequence}\n${report}`);
    t.strictSame(written, [], `sequence ${sequence} leaves .git alone`);
  }
});
