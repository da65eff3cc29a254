import t from "tap";
import { Random, SEED } from "../support/random.js";
import { KillStack, VICTIMS } from "./world.js";

/** `npm run kill` has 200, and holds the time in which clients are right. */
const ROUNDS = 6;

t.setTimeout(0); // the limit of the file counts

t.test(
  "whoever is killed under load: nothing is half there, nothing acknowledged is lost, clients get right",
  async (t) => {
    const world = await KillStack.start(t, new Random(SEED));
    for (let round = 0; round < ROUNDS; round += 1) {
      const victim = VICTIMS[round % VICTIMS.length] ?? "relay";
      const { problems, rightMs, afterMs } = await world.round(victim, round % 3 === 1);
      t.same(problems, [], `seed ${SEED}: ${victim} after ${afterMs} ms`);
      t.ok(Number.isFinite(rightMs), `seed ${SEED}: ${victim}: every client got right`);
    }
    t.same(await world.end(), [], "and every acknowledged upload is still there");
    for (const [kind, count] of Object.entries(world.acknowledged)) t.ok(count > 0, `there were ${kind}`);
  },
);
