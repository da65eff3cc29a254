import t from "tap";
import {
  COALESCE_MS,
  MAX_INTERVAL_MS,
  MAX_RETRY_MS,
  MIN_INTERVAL_MS,
  PassTimer,
  RETRY_MS,
} from "../../../src/worktree/follow/pass-timer.js";
import { FakeClock } from "../../support/fake-clock.js";

interface Timed {
  clock: FakeClock;
  timer: PassTimer;
  /** When each pass began. */
  passes: number[];
  /** How long a pass takes, and how it ends. */
  pass: { ms: number; fails: boolean };
  git: { holdsUntil: number };
}

function timed(): Timed {
  const clock = new FakeClock();
  const passes: number[] = [];
  const pass = { ms: 0, fails: false };
  const git = { holdsUntil: 0 };
  const timer = new PassTimer({
    clock,
    hold: (now) => Math.max(0, Math.min(10, git.holdsUntil - now)),
    run: () => {
      const began = clock.monotonicMs();
      passes.push(began);
      clock.after(pass.ms, () => (pass.fails ? timer.failed(began) : timer.passed(began)));
    },
  });
  return { clock, timer, passes, pass, git };
}

t.test("the events of one save are one pass, soon after the first", async (t) => {
  const { clock, timer, passes } = timed();
  await clock.advance(1000);
  timer.wake();
  t.ok(timer.isScheduled);
  await clock.advance(1);
  timer.wake();
  await clock.advance(1000);
  t.strictSame(passes, [1000 + COALESCE_MS]);
  t.notOk(timer.isScheduled);
});

t.test("a busy tree has a pass at each interval", async (t) => {
  const { clock, timer, passes } = timed();
  for (let at = 0; at < 200; at++) {
    timer.wake();
    await clock.advance(1);
  }
  t.strictSame(passes, [2, 2 + MIN_INTERVAL_MS, 2 + 2 * MIN_INTERVAL_MS, 2 + 3 * MIN_INTERVAL_MS]);
});

t.test("a tree whose passes are slow rests as long as one takes, up to the longest interval", async (t) => {
  for (const [ms, pause] of [
    [100, 100],
    [2000, MAX_INTERVAL_MS],
  ] as const) {
    const { clock, timer, passes, pass } = timed();
    pass.ms = ms;
    timer.wake();
    await clock.advance(COALESCE_MS + ms);
    timer.wake();
    await clock.advance(5000);
    t.strictSame(passes, [COALESCE_MS, COALESCE_MS + ms + pause]);
  }
});

t.test("a pass waits while git is at work", async (t) => {
  const { clock, timer, passes, git } = timed();
  git.holdsUntil = 95;
  timer.wake();
  await clock.advance(1000);
  t.strictSame(passes, [95]);
});

t.test("a pass that fails is tried again, more and more rarely", async (t) => {
  const { clock, timer, passes, pass } = timed();
  pass.fails = true;
  timer.wake();
  await clock.advance(60_000);
  const gaps = passes.slice(1).map((at, number) => at - (passes[number] ?? 0));
  t.strictSame(gaps.slice(0, 4), [RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS, 8 * RETRY_MS]);
  t.equal(Math.max(...gaps), MAX_RETRY_MS);
});

t.test("an event brings a failed pass forward, and the delays begin anew", async (t) => {
  const { clock, timer, passes, pass } = timed();
  pass.fails = true;
  timer.wake();
  await clock.advance(30_000);
  const before = passes.length;
  timer.wake();
  await clock.advance(COALESCE_MS + RETRY_MS);
  t.strictSame(passes.slice(before), [30_000 + COALESCE_MS, 30_000 + COALESCE_MS + RETRY_MS]);
});

t.test("a success ends the delays", async (t) => {
  const { clock, timer, passes, pass } = timed();
  pass.fails = true;
  timer.wake();
  await clock.advance(400);
  pass.fails = false;
  await clock.advance(10_000);
  const count = passes.length;
  await clock.advance(60_000);
  t.equal(passes.length, count, "nothing is tried again");
});

t.test("what a pass has left is looked at after the shortest interval", async (t) => {
  const { clock, timer, passes } = timed();
  timer.runAgain();
  await clock.advance(1000);
  t.strictSame(passes, [MIN_INTERVAL_MS]);
});

t.test("after its end nothing runs", async (t) => {
  const { clock, timer, passes } = timed();
  timer.wake();
  timer.close();
  timer.wake();
  timer.runAgain();
  await clock.advance(1000);
  t.strictSame(passes, []);
});

t.test("while git is at work a pass that would be due is offered as often as passes may come", async (t) => {
  const clock = new FakeClock();
  const held: number[] = [];
  const timer: PassTimer = new PassTimer({
    clock,
    hold: () => 10,
    run: () => t.fail("git is at work"),
    runHeld: () => {
      held.push(clock.monotonicMs());
      timer.passed(clock.monotonicMs());
    },
  });
  timer.wake();
  await clock.advance(130);
  t.same(held, [COALESCE_MS, COALESCE_MS + MIN_INTERVAL_MS, COALESCE_MS + 2 * MIN_INTERVAL_MS]);
  t.ok(timer.isScheduled, "what waits is asked for again");
});

t.test("an edit right behind a look at a file that has settled waits no longer than in a quiet tree", async (t) => {
  const { clock, timer, passes } = timed();
  await clock.advance(1000);
  timer.wakeForLook();
  await clock.advance(10);
  timer.wake();
  await clock.advance(10);
  t.same(passes, [1000 + COALESCE_MS, 1010 + COALESCE_MS]);
});

t.test("a pass for a look and an event at once sets the pace as one for an event does", async (t) => {
  for (const order of ["look first", "event first"] as const) {
    const { clock, timer, passes } = timed();
    await clock.advance(1000);
    if (order === "look first") timer.wakeForLook();
    timer.wake();
    if (order === "event first") timer.wakeForLook();
    await clock.advance(10);
    timer.wake();
    await clock.advance(200);
    t.same(passes, [1000 + COALESCE_MS, 1000 + COALESCE_MS + MIN_INTERVAL_MS], order);
  }
});

t.test("looks wait for their time as events do in a tree that never rests", async (t) => {
  const { clock, timer, passes } = timed();
  await clock.advance(1000);
  timer.wake();
  await clock.advance(10);
  timer.wakeForLook();
  await clock.advance(200);
  t.same(passes, [1000 + COALESCE_MS, 1000 + COALESCE_MS + MIN_INTERVAL_MS]);
});
