import { mock } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { PendingRefreshes } from "../../../src/relay/hub/pending-refreshes.js";

const QUIET = { onPassed: () => undefined, onFailed: () => undefined };
const unexpected = (): void => {
  throw new Error("must not be called");
};

t.test("a refresh waits for its barrier, and then for a frame", async (t) => {
  const refreshes = new PendingRefreshes(() => t.fail("the agent is not slow"));
  let passed = 0;
  refreshes.wait(Promise.resolve(), {
    onPassed: () => {
      passed += 1;
    },
    onFailed: unexpected,
  });
  t.same([refreshes.isWaiting, refreshes.owed], [true, 0]);
  await nextTurn();
  t.same([refreshes.isWaiting, refreshes.owed, passed], [false, 1, 1]);
  refreshes.answered(refreshes.next());
  t.equal(refreshes.owed, 0);
});

t.test("a frame answers all refreshes with a name, and one without", async (t) => {
  const refreshes = new PendingRefreshes(unexpected);
  const idsOf = () => refreshes.next().map(({ id }) => id);
  for (const id of [undefined, "a", undefined, "b"]) refreshes.wait(Promise.resolve(), QUIET, id);
  t.same(idsOf(), []);
  await nextTurn();
  const first = refreshes.next();
  refreshes.wait(Promise.resolve(), QUIET, "late");
  await nextTurn();
  refreshes.answered(first);
  t.same(
    first.map(({ id }) => id),
    [undefined, "a", "b"],
  );
  t.same(idsOf(), [undefined, "late"]);
});

t.test("a barrier that fails is told of by the refresh's name, unless an error has answered it", async (t) => {
  const refreshes = new PendingRefreshes(unexpected);
  const failed: string[] = [];
  const listener = { onPassed: () => undefined, onFailed: (id: string) => failed.push(id) };
  const lost = Promise.reject(new Error("lost"));
  refreshes.wait(lost, listener, "a");
  refreshes.wait(Promise.resolve(), listener, "b");
  refreshes.wait(lost, listener);
  t.same(refreshes.giveUp(), ["a", "b"]);
  t.same(refreshes.giveUp(), []);
  refreshes.wait(lost, listener, "c");
  await nextTurn();
  t.same(failed, ["c"]);
  t.same([refreshes.isWaiting, refreshes.owed], [false, 0]);
});

t.test("a barrier that fails needs no frame", async (t) => {
  const refreshes = new PendingRefreshes(() => t.fail("the agent is not slow"));
  refreshes.wait(Promise.reject(new Error("lost")), { onPassed: unexpected, onFailed: unexpected });
  await nextTurn();
  t.same([refreshes.isWaiting, refreshes.owed], [false, 0]);
});

t.test("a slow agent is reported once for all that wait, after four seconds", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  let slow = 0;
  const refreshes = new PendingRefreshes(() => {
    slow += 1;
  });
  let pass: () => void = () => undefined;
  refreshes.wait(new Promise((resolve) => (pass = resolve)), QUIET);
  mock.timers.tick(3_999);
  refreshes.wait(Promise.resolve(), QUIET);
  t.equal(slow, 0);
  mock.timers.tick(1);
  t.equal(slow, 1);
  mock.timers.tick(60_000);
  t.equal(slow, 1);
  pass();
  await nextTurn();
  refreshes.wait(new Promise(() => undefined), QUIET);
  mock.timers.tick(4_000);
  t.equal(slow, 2, "the next one that has to wait is reported anew");
  refreshes.wait(new Promise(() => undefined), QUIET);
  refreshes.stop();
  mock.timers.tick(60_000);
  t.equal(slow, 2);
});
