import t from "tap";
import { type LinkFailure, LinkLoop, REFUSAL_GRACE_MS } from "../../../src/util/link/browser.js";
import { FakeClock } from "../../support/fake-clock.js";
import fc from "../../support/fast-check.js";

/** What the relay, or something in its place, does with one attempt. */
interface Turn {
  /** The connection was of use. */
  serves: boolean;
  /** How it ends, and after how many milliseconds. */
  how: "stranger" | "network" | "refusal" | "farewell";
  lastsMs: number;
  retryAfterMs: number;
}

const FAILURES: Record<Turn["how"], Omit<LinkFailure, "retryAfterMs">> = {
  stranger: { step: "proxy", why: "a proxy answers", isFinal: false, status: 404 },
  network: { step: "address", why: "no route", isFinal: false },
  refusal: { step: "upgrade", why: "not yours", isFinal: true, status: 404 },
  farewell: { step: "open", why: "do not come back", isFinal: true },
};

const turn: fc.Arbitrary<Turn> = fc.record({
  serves: fc.boolean(),
  how: fc.constantFrom("stranger", "network", "refusal", "refusal", "farewell"),
  lastsMs: fc.nat(50_000),
  retryAfterMs: fc.oneof(fc.constant(0), fc.nat(300_000)),
});

interface Record_ {
  tries: { atMs: number; endMs: number }[];
  told: { why: string; delayMs: number; isNew: boolean }[];
  final: LinkFailure | undefined;
}

/** Lets a loop meet these turns, one for each attempt, and stops it behind the last. */
async function play(turns: readonly Turn[], delayMs: number): Promise<Record_> {
  const clock = new FakeClock();
  const stop = new AbortController();
  const record: Record_ = { tries: [], told: [], final: undefined };
  const loop = new LinkLoop<LinkFailure>({
    clock,
    signal: stop.signal,
    retryDelay: { next: () => delayMs },
    onFailure: ({ why }, next) => record.told.push({ why, ...next }),
    connect: async (attempt) => {
      const present = turns[record.tries.length];
      if (present === undefined) {
        stop.abort();
        return { ...FAILURES.network };
      }
      const atMs = clock.monotonicMs();
      if (present.serves) attempt.served();
      await new Promise<void>((resolve) => void clock.after(present.lastsMs, resolve));
      record.tries.push({ atMs, endMs: clock.monotonicMs() });
      return { ...FAILURES[present.how], ...(present.retryAfterMs > 0 && { retryAfterMs: present.retryAfterMs }) };
    },
  });
  let isOver = false;
  const ended = loop.run().then((final) => {
    record.final = final;
    isOver = true;
  });
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(clock.nextMs ?? 0);
  }
  await ended;
  return record;
}

/** How long a refusal had been asked for again when each turn ended: -1 where it was none. In the words of docs/protocol.md. */
function refusedForMs(turns: readonly Turn[], tries: Record_["tries"]): number[] {
  let sinceMs: number | undefined;
  return tries.map(({ endMs }, at) => {
    const { how, serves } = turns[at] ?? { how: "network", serves: false };
    if (serves) sinceMs = undefined;
    if (how === "stranger" || how === "network") sinceMs = undefined;
    else sinceMs ??= endMs;
    return sinceMs === undefined ? -1 : endMs - sinceMs;
  });
}

t.test("only the relay's own refusal is final: at once, or a minute after good service", async (t) => {
  const seen = { atOnce: 0, afterGrace: 0, stopped: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 12 }), fc.nat(40_000), async (turns, delayMs) => {
      const { tries, told, final } = await play(turns, delayMs);
      const refused = refusedForMs(turns, tries);
      let wasGood = false;
      for (const [at, { endMs }] of tries.entries()) {
        const { how, serves, retryAfterMs } = turns[at] ?? { how: "network", serves: false, retryAfterMs: 0 };
        wasGood = how !== "farewell" && (wasGood || serves);
        const forMs = refused[at] ?? -1;
        const mayBeFinal = forMs >= 0 && (!wasGood || forMs >= REFUSAL_GRACE_MS);
        const isLast = at === tries.length - 1;
        if (mayBeFinal !== (isLast && final !== undefined))
          throw new Error(`turn ${at}: final, or not, against the rule`);
        if (mayBeFinal) {
          seen[wasGood ? "afterGrace" : "atOnce"] += 1;
          if (wasGood && forMs > REFUSAL_GRACE_MS + (turns[at]?.lastsMs ?? 0)) throw new Error("later than a minute");
          continue;
        }
        const waited = (tries[at + 1]?.atMs ?? endMs + (told[at]?.delayMs ?? 0)) - endMs;
        if (waited !== told[at]?.delayMs) throw new Error("it waits for another time than it says");
        const wantedMs = Math.max(delayMs, retryAfterMs);
        if (forMs < 0 && waited !== wantedMs) throw new Error(`${waited} ms of wait, not ${wantedMs}`);
      }
      if (final === undefined) seen.stopped += 1;
    }),
    { numRuns: 500 },
  );
  for (const [kind, count] of Object.entries(seen)) t.ok(count > 20, `${kind}: ${count}`);
});

t.test("a reason is new once, until a connection has been of use again", async (t) => {
  const common = { lastsMs: 10, retryAfterMs: 0, serves: false };
  const turns: Turn[] = [
    { ...common, how: "network" },
    { ...common, how: "stranger" },
    { ...common, how: "network" },
    { ...common, how: "network", serves: true },
    { ...common, how: "stranger" },
    { ...common, how: "network" },
  ];
  const { told } = await play(turns, 10);
  t.same(
    told.map(({ why, isNew }) => (isNew ? why : "")),
    ["no route", "a proxy answers", "", "no route", "a proxy answers", ""],
  );
});

t.test("a nudge ends a wait, and a hurry spares the next one", async (t) => {
  const clock = new FakeClock();
  const stop = new AbortController();
  let tries = 0;
  let end: () => void = () => {};
  const loop = new LinkLoop<LinkFailure>({
    clock,
    signal: stop.signal,
    retryDelay: { next: () => 1e9 },
    connect: async () => {
      tries += 1;
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return FAILURES.network;
    },
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const ended = loop.run();
  loop.nudge();
  end();
  await settled();
  t.same([tries, clock.waiting], [1, 1], "a nudge amid an attempt spares no wait");
  loop.nudge();
  await settled();
  t.equal(tries, 2);
  loop.hurry();
  end();
  await settled();
  await clock.advance(0);
  t.equal(tries, 3);
  end();
  await settled();
  t.same([tries, clock.nextMs], [3, 1e9], "once");
  stop.abort();
  t.equal(await ended, undefined, "and the end comes at once");
});
