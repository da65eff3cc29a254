import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { Turns } from "../../../src/relay/access/turns.js";

t.test("what comes at once begins in order, a few in each turn of the loop", async (t) => {
  const turns = new Turns();
  const begun: number[] = [];
  const perTurn: number[] = [];
  const all = Array.from({ length: 100 }, async (_, at) => {
    await turns.take();
    begun.push(at);
  });
  for (let before = 0; before < 100; before = begun.length) {
    await nextTurn();
    perTurn.push(begun.length - before);
  }
  await Promise.all(all);
  t.same(begun, [...Array(100).keys()]);
  t.ok(Math.max(...perTurn) <= 8, `${perTurn}`); // those of one turn, and of the next one that began with it
});

t.test("who comes alone waits for nobody, after any rush", async (t) => {
  const turns = new Turns();
  t.equal(turns.take(), undefined);
  const rush = Array.from({ length: 50 }, () => turns.take());
  await Promise.all(rush);
  await nextTurn();
  await nextTurn();
  for (let count = 0; count < 5; count += 1) {
    t.equal(turns.take(), undefined);
    await nextTurn();
  }
});
