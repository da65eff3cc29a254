import t from "tap";
import { Limits } from "../../../src/relay/access/limits.js";
import { RefusedError } from "../../../src/relay/answers.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";

const ADDRESS = "192.0.2.1";

function limitsOf(): Limits {
  return new Limits({ ...DEFAULT_LIMITS, failuresPerAddress: 3 });
}

/** What a request is answered with: `undefined`: it goes on. */
async function answer(limits: Limits, address = ADDRESS): Promise<number | undefined> {
  try {
    await limits.request(address);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof RefusedError)) throw thrown;
    return thrown.refusal.status;
  }
}

t.test("other relays are told once of an address that guesses tokens, when it is refused", async (t) => {
  const limits = limitsOf();
  const told: [string, number][] = [];
  limits.onRefused = (address, forMs) => told.push([address, forMs]);
  for (let guess = 0; guess < 3; guess += 1) await limits.failed(ADDRESS);
  t.same([await answer(limits), told], [undefined, []]);
  await limits.failed(ADDRESS);
  await limits.failed(ADDRESS); // it was on its way
  t.equal(await answer(limits), 429);
  t.match(told, [[ADDRESS, Number]]);
  t.equal(told.length, 1);
  const [, forMs = 0] = told[0] ?? [];
  t.ok(forMs > 0 && forMs <= 60_000);
});

t.test("an address that another relay refuses is refused here, and nobody is told of it again", async (t) => {
  const limits = limitsOf();
  limits.onRefused = () => t.fail("they know");
  await limits.refuse(ADDRESS, 30_000);
  t.same([await answer(limits), await answer(limits, "192.0.2.2")], [429, undefined]);
  await limits.failed(ADDRESS);
  t.equal(await answer(limits), 429);
});

t.test("a refusal is not made shorter by what another relay says", async (t) => {
  const limits = limitsOf();
  await limits.refuse(ADDRESS, 50_000);
  await limits.refuse(ADDRESS, 1_000);
  const refused: unknown = await limits.request(ADDRESS).catch((thrown: unknown) => thrown);
  if (!(refused instanceof RefusedError)) throw refused;
  t.ok(Number(refused.refusal.headers?.["Retry-After"]) > 1);
});
