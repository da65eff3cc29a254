import t from "tap";
import { SEED } from "../../support/random.js";
import { createRepo } from "../../support/repo.js";
import { gather } from "./evidence.js";
import { PLACE_NAMES, Planted } from "./planted.js";
import { Runs } from "./runs.js";

/** A few that are told by different rules; all kinds: `npm run secrets`. */
const KINDS = new Set(["GitHub personal", "Slack bot", "JSON Web Token", "password of a URL", "AWS secret key"]);

const planted = new Planted(createRepo(t), { seed: SEED, rounds: 1, takes: (kind) => KINDS.has(kind) });
const secrets = new Runs(planted.secrets);
const marks = new Runs(planted.marks);

t.test(
  "nothing of a secret reaches the relay: its tunnel, its heap, its files and its log have what is beside it",
  async (t) => {
    t.equal(planted.secrets.size, KINDS.size * PLACE_NAMES.length);
    const evidence = await gather(t, planted, { args: [], change: () => planted.editAgain() });
    for (const [where, bytes] of Object.entries(evidence)) t.same([...secrets.in(bytes)], [], where);
    for (const where of ["frames", "heap", "states"] as const) {
      t.equal(marks.in(evidence[where]).size, planted.marks.size, `${where} was looked through`);
    }
    t.match(evidence.log.toString(), "agent is here");
  },
);

t.test("of an agent that is told to hide nothing, every secret is found there", async (t) => {
  const evidence = await gather(t, planted, { args: ["--secrets", "send"] });
  for (const where of ["frames", "heap", "states"] as const) {
    const wanted = where === "states" ? planted.kept : planted.secrets.keys();
    t.same([...secrets.in(evidence[where]).keys()].sort(), [...wanted].sort(), where);
  }
});
