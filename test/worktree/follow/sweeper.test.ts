import t from "tap";
import { Sweeper, sweepDelay } from "../../../src/worktree/follow/sweeper.js";
import { FakeClock } from "../../support/fake-clock.js";

t.test("the interval follows the cost", async (t) => {
  for (const delivery of ["prompt", "late"] as const) {
    t.equal(sweepDelay(1, delivery), 60_000);
    t.equal(sweepDelay(500, delivery), 200_000);
  }
  t.equal(sweepDelay(1, "lossy"), 10_000);
  t.equal(sweepDelay(500, "lossy"), 50_000);
  t.equal(sweepDelay(1, "none"), 1000);
  t.equal(sweepDelay(500, "none"), 10_000);
});

t.test("a covered tree is swept every minute, one without events every second", async (t) => {
  const clock = new FakeClock();
  const sweeps: number[] = [];
  let polled = false;
  const sweeper = new Sweeper({
    clock,
    delivery: () => (polled ? "none" : "prompt"),
    hold: () => 0,
    sweep: async () => void sweeps.push(clock.monotonicMs()),
    onClockJump: () => t.fail("no jump"),
  });
  sweeper.start();
  await clock.advance(120_000);
  t.strictSame(sweeps, [60_000, 120_000]);
  polled = true;
  sweeper.reschedule();
  await clock.advance(3000);
  t.strictSame(sweeps.slice(2), [121_000, 122_000, 123_000]);
  sweeper.stop();
  await clock.advance(600_000);
  t.equal(sweeps.length, 5);
});

t.test("a wall clock that parts from the monotonic one means that the machine slept", async (t) => {
  const clock = new FakeClock();
  let jumps = 0;
  const sweeper = new Sweeper({
    clock,
    delivery: () => "prompt",
    hold: () => 0,
    sweep: async () => {},
    onClockJump: () => jumps++,
  });
  sweeper.start();
  await clock.advance(20_000);
  t.equal(jumps, 0);
  clock.jumpWall(3_600_000);
  await clock.advance(5000);
  t.equal(jumps, 1);
  await clock.advance(20_000);
  t.equal(jumps, 1, "noticed once");
  clock.jumpWall(-60_000);
  await clock.advance(5000);
  t.equal(jumps, 2, "set back");
});

/** A sweeper whose sweeps last until they are ended. */
function slowSweeper(clock: FakeClock) {
  const running: (() => void)[] = [];
  const sweeper = new Sweeper({
    clock,
    delivery: () => "prompt",
    hold: () => 0,
    sweep: () => new Promise((end) => running.push(end)),
    onClockJump: () => {},
  });
  return { sweeper, running };
}

t.test("a sweeper that is stopped while it sweeps leaves nothing behind", async (t) => {
  const clock = new FakeClock();
  const { sweeper, running } = slowSweeper(clock);
  sweeper.start();
  await clock.advance(60_000);
  t.equal(running.length, 1);
  sweeper.stop();
  running[0]?.();
  await clock.advance(600_000);
  t.equal(running.length, 1);
  t.equal(clock.waiting, 0);
});

t.test("a change of coverage amid a sweep, or before the start, makes no second row of sweeps", async (t) => {
  const clock = new FakeClock();
  const { sweeper, running } = slowSweeper(clock);
  sweeper.reschedule();
  t.equal(clock.waiting, 0, "nothing is swept before the start");
  sweeper.start();
  await clock.advance(60_000);
  sweeper.reschedule();
  running[0]?.();
  await new Promise((resolve) => setImmediate(resolve)); // its end is seen before time goes on
  await clock.advance(60_000);
  t.equal(running.length, 2);
  await clock.advance(60_000);
  t.equal(running.length, 2, "one at a time");
});

t.test("a look waits while git is at work", async (t) => {
  const clock = new FakeClock();
  const sweeps: number[] = [];
  const sweeper = new Sweeper({
    clock,
    delivery: () => "none",
    hold: (now) => (now < 1100 ? 25 : 0),
    sweep: async () => void sweeps.push(clock.monotonicMs()),
    onClockJump: () => {},
  });
  sweeper.start();
  await clock.advance(2100);
  sweeper.stop();
  t.strictSame(sweeps, [1100, 2100]);
});
