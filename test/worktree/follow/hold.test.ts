import t from "tap";
import { Hold, MAX_HOLD_MS, type OperationSigns } from "../../../src/worktree/follow/hold.js";

/** A git directory whose signs are set by hand. */
function signs(): OperationSigns & { locked: string | undefined; ageMs: number; busy: boolean } {
  return {
    locked: undefined,
    ageMs: 0,
    busy: false,
    lock() {
      return this.locked;
    },
    lockAgeMs() {
      return this.ageMs;
    },
    operation() {
      return this.busy;
    },
  };
}

t.test("a quiet repository holds nothing back", async (t) => {
  t.equal(new Hold(signs(), 0).wait(0), 0);
});

t.test("while index.lock exists it waits, and goes on when git has been still for a moment", async (t) => {
  const git = signs();
  const hold = new Hold(git, 0);
  git.locked = "1 100";
  hold.activity(0);
  t.ok(hold.wait(0) > 0);
  t.ok(hold.wait(500) > 0);
  git.locked = undefined;
  hold.activity(510);
  const wait = hold.wait(510);
  t.ok(wait > 0, "the branch may move after the index");
  t.equal(hold.wait(510 + wait), 0);
});

t.test("the steps of a rebase are one state", async (t) => {
  const git = signs();
  const hold = new Hold(git, 0);
  git.busy = true;
  hold.activity(0);
  t.ok(hold.wait(100) > 0, "the next step may come");
  hold.activity(110);
  t.ok(hold.wait(200) > 0);
  t.equal(hold.wait(1000), 0, "it stopped for a conflict, which people want to see");
});

t.test("nothing is held for longer than the limit, and a lock that was left behind holds nothing again", async (t) => {
  const git = signs();
  const hold = new Hold(git, 0);
  git.locked = "7 100";
  let now = 0;
  for (let wait = hold.wait(now); wait > 0; wait = hold.wait(now)) now += wait;
  t.equal(now, MAX_HOLD_MS);
  t.equal(hold.wait(now + 10), 0, "the same lock");
  git.locked = undefined;
  t.equal(hold.wait(now + 20), 0);
  git.locked = "8 200";
  t.ok(hold.wait(now + 30) > 0, "another lock");
});

t.test("a lock that was seen for the whole limit holds nothing, whether or not anything waited for it", async (t) => {
  const git = signs();
  const hold = new Hold(git, 0);
  git.locked = "7 100";
  hold.activity(10);
  t.ok(hold.wait(MAX_HOLD_MS) > 0);
  t.equal(hold.wait(MAX_HOLD_MS + 10), 0);
  git.locked = "7 200";
  t.ok(hold.wait(MAX_HOLD_MS + 20) > 0, "somebody has written to it");
});

t.test("a lock that was old when the repository was opened holds nothing", async (t) => {
  const git = signs();
  git.locked = "7 100";
  git.ageMs = MAX_HOLD_MS;
  t.equal(new Hold(git, 0).wait(0), 0);
  git.ageMs = MAX_HOLD_MS - 1;
  const hold = new Hold(git, 0);
  git.ageMs = 3_600_000;
  t.ok(hold.wait(0) > 0, "the wall clock jumped: the machine slept, and so did the git that holds the lock");
});

t.test("a git that never rests is interrupted every two seconds", async (t) => {
  const git = signs();
  const hold = new Hold(git, 0);
  const passes: number[] = [];
  for (let now = 0; now <= 9000; now += 5) {
    git.locked = String(now);
    if (hold.wait(now) === 0) passes.push(now);
  }
  t.same(passes, [2000, 4005, 6010, 8015], "2 s each, from the first look after the last pass");
});
