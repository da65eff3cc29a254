import t from "tap";
import { MAX_TIMER_MS, systemClock } from "../../src/util/index.js";

t.test("the system's clock asks for no delay that a timer can't hold", async (t) => {
  const asked = t.capture(globalThis, "setTimeout");
  const cancels = [-3, 7, 2 ** 40].map((delayMs) => systemClock.after(delayMs, () => t.fail("it was taken back")));
  for (const cancel of cancels) cancel();
  t.same(
    asked().map(({ args }) => args[1]),
    [0, 7, MAX_TIMER_MS],
  );
});

t.test("what is due already runs soon, but not at once", async (t) => {
  let ran = false;
  const run = new Promise<void>((resolve) => {
    systemClock.after(-1, () => {
      ran = true;
      resolve();
    });
  });
  t.notOk(ran);
  await run;
  t.ok(ran);
});
