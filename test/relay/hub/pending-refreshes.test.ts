import { mock } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { PendingRefreshes } from "../../../src/relay/hub/pending-refreshes.js";

t.test("a refresh waits for its barrier, and then for a frame", async (t) => {
  const refreshes = new PendingRefreshes(() => t.fail("the agent is not slow"));
  let passed = 0;
  refreshes.wait(Promise.resolve(), () => {
    passed += 1;
  });
  t.same([refreshes.isWaiting, refreshes.needsAnswer], [true, false]);
  await nextTurn();
  t.same([refreshes.isWaiting, refreshes.needsAnswer, passed], [false, true, 1]);
  refreshes.answered();
  t.equal(refreshes.needsAnswer, false);
});

t.test("a barrier that fails needs no frame", async (t) => {
  const refreshes = new PendingRefreshes(() => t.fail("the agent is not slow"));
  refreshes.wait(Promise.reject(new Error("lost")), () => t.fail("it has not passed"));
  await nextTurn();
  t.same([refreshes.isWaiting, refreshes.needsAnswer], [false, false]);
});

t.test("a slow agent is reported once for all that wait, after four seconds", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  let slow = 0;
  const refreshes = new PendingRefreshes(() => {
    slow += 1;
  });
  let pass: () => void = () => undefined;
  refreshes.wait(new Promise((resolve) => (pass = resolve)), () => undefined);
  mock.timers.tick(3_999);
  refreshes.wait(Promise.resolve(), () => undefined);
  t.equal(slow, 0);
  mock.timers.tick(1);
  t.equal(slow, 1);
  mock.timers.tick(60_000);
  t.equal(slow, 1);
  pass();
  await nextTurn();
  refreshes.wait(new Promise(() => undefined), () => undefined);
  mock.timers.tick(4_000);
  t.equal(slow, 2, "the next one that has to wait is reported anew");
  refreshes.wait(new Promise(() => undefined), () => undefined);
  refreshes.stop();
  mock.timers.tick(60_000);
  t.equal(slow, 2);
});
