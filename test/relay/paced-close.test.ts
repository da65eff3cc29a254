import t from "tap";
import { closePaced } from "../../src/relay/paced-close.js";
import { FakeClock } from "../support/fake-clock.js";

/** Closes so many, and writes down when each went. */
function start(count: number, withinMs: number) {
  const clock = new FakeClock();
  const closed: { at: number; ms: number }[] = [];
  const closers = Array.from({ length: count }, (_, at) => () => closed.push({ at, ms: clock.monotonicMs() }));
  let isDone = false;
  void closePaced(closers, withinMs, clock).then(() => {
    isDone = true;
  });
  return { clock, closed, isDone: () => isDone };
}

t.test("a few are closed at once, and so are all where there is no time", async (t) => {
  for (const [count, withinMs] of [
    [0, 7_500],
    [10, 7_500],
    [3_000, 0],
  ] as const) {
    const { closed, isDone } = start(count, withinMs);
    t.equal(closed.length, count);
    await new Promise((resolve) => setImmediate(resolve));
    t.ok(isDone());
  }
});

t.test("many are closed in order, in small groups, before the time is over", async (t) => {
  for (const count of [11, 100, 1_000, 3_000, 20_000]) {
    const { clock, closed, isDone } = start(count, 7_500);
    await clock.advance(7_500);
    t.same(
      closed.map(({ at }) => at),
      Array.from({ length: count }, (_, at) => at),
    );
    t.ok(isDone());
    const moments = [...new Set(closed.map(({ ms }) => ms))];
    const largest = Math.max(...moments.map((moment) => closed.filter(({ ms }) => ms === moment).length));
    t.equal(largest, Math.max(10, Math.ceil(count / 150)), `${count} go in groups of ${largest} at most`);
  }
});

t.test("what a busy loop has held up is made good, so that it ends in time all the same", async (t) => {
  const { clock, closed } = start(3_000, 7_500);
  clock.after(0, () => undefined);
  await clock.advance(1);
  // the clock has gone on while nothing ran
  const jump = 5_000;
  const now = clock.monotonicMs.bind(clock);
  clock.monotonicMs = () => now() + jump;
  await clock.advance(50);
  t.ok(closed.length >= 2_000, `${closed.length} are closed`);
  await clock.advance(2_500);
  t.equal(closed.length, 3_000);
});
