import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { TurnSlice } from "../../../src/relay/hub/turn-slice.js";

/** Each piece takes longer than a slice. Milliseconds. */
const PIECE_MS = 3;
const WORKERS = 8;
const PIECES = 3;

t.test("however many work in slices, a turn has one slice, and each gets there", async (t) => {
  const slice = new TurnSlice();
  let turn = 0;
  let isOver = false;
  const counting = (async () => {
    for (; !isOver; turn += 1) await nextTurn();
  })();
  const turns: number[] = [];
  const works = Array.from({ length: WORKERS }, async () => {
    for (let piece = 0; piece < PIECES; piece += 1) {
      await slice.run(() => {
        turns.push(turn);
        for (const end = performance.now() + PIECE_MS; performance.now() < end; );
      });
    }
  });
  await Promise.all(works);
  isOver = true;
  await counting;
  t.equal(turns.length, WORKERS * PIECES);
  t.equal(new Set(turns).size, turns.length, `${turns}`);
});

t.test("short pieces share a turn", async (t) => {
  const slice = new TurnSlice();
  let hasTurned = false;
  setImmediate(() => {
    hasTurned = true;
  });
  await slice.run(() => undefined);
  await slice.run(() => undefined);
  t.notOk(hasTurned);
});
