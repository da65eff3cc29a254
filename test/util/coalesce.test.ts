import t from "tap";
import { coalesce } from "../../src/util/index.js";

/** A job whose runs are ended by hand. */
function manualJob() {
  const ends: ((error?: Error) => void)[] = [];
  const job = coalesce(
    () =>
      new Promise<number>((resolve, reject) => {
        const number = ends.length + 1;
        ends.push((error) => (error ? reject(error) : resolve(number)));
      }),
  );
  return { job, ends };
}

t.test("calls during a run share the one run after it", async (t) => {
  const { job, ends } = manualJob();
  const first = job();
  const second = job();
  const third = job();
  t.equal(second, third, "one queued run");
  t.equal(ends.length, 1, "which has not started");
  ends[0]?.();
  t.equal(await first, 1);
  await new Promise(setImmediate);
  t.equal(ends.length, 2);
  ends[1]?.();
  t.equal(await second, 2);
});

t.test("a run that fails rejects its own callers alone", async (t) => {
  const { job, ends } = manualJob();
  const first = job();
  const second = job();
  ends[0]?.(new Error("no"));
  await t.rejects(first, { message: "no" });
  await new Promise(setImmediate);
  ends[1]?.();
  t.equal(await second, 2);
});

t.test("a call after the end starts at once", async (t) => {
  const { job, ends } = manualJob();
  const first = job();
  ends[0]?.();
  await first;
  void job();
  t.equal(ends.length, 2);
});
