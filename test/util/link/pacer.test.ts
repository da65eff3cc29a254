import t from "tap";
import { Pacer } from "../../../src/util/index.js";
import { FakeClock } from "../../support/fake-clock.js";

const PIECE = 64 * 1024;

/** A pacer that is sent pieces as long as there is room, over a link on which each takes so long, one after the other. */
async function send(pacer: Pacer, clock: FakeClock, pieces: number, pieceMs: number): Promise<number> {
  const marks: { mark: string; at: number }[] = [];
  let most = 0;
  let freeAt = 0;
  for (let piece = 0; piece < pieces; piece += 1) {
    while (!pacer.hasRoom) {
      const first = marks.shift();
      if (first === undefined) throw new Error("nothing is under way, and yet there is no room");
      await clock.advance(Math.max(0, first.at - clock.monotonicMs()));
      pacer.answered(first.mark);
    }
    const mark = pacer.sent(PIECE);
    if (mark === undefined) throw new Error("a piece without a mark");
    freeAt = Math.max(freeAt, clock.monotonicMs()) + pieceMs;
    marks.push({ mark, at: freeAt });
    most = Math.max(most, marks.length);
  }
  return most;
}

t.test("on a slow link one piece is under way, on a fast one many", async (t) => {
  const clock = new FakeClock();
  t.equal(await send(new Pacer(PIECE, clock), clock, 50, 8_000), 1);
  t.equal(await send(new Pacer(PIECE, clock), clock, 200, 5), 64, "4 MiB and no more");
});

t.test("a link that becomes slow has fewer and fewer pieces under way", async (t) => {
  const clock = new FakeClock();
  const pacer = new Pacer(PIECE, clock);
  t.ok((await send(pacer, clock, 100, 5)) > 10);
  for (let round = 0; round < 10; round += 1) {
    const mark = pacer.sent(PIECE);
    await clock.advance(8_000);
    pacer.answered(mark ?? "");
  }
  t.ok(pacer.hasRoom);
  pacer.sent(PIECE);
  t.notOk(pacer.hasRoom);
});

t.test("small messages have one mark for many, and need no room", async (t) => {
  const pacer = new Pacer(PIECE, new FakeClock());
  const marks = Array.from({ length: 40 }, () => pacer.sent(1_024)).filter((mark) => mark !== undefined);
  t.same(marks, ["mark 1", "mark 2"]);
  t.notOk(pacer.isIdle);
  pacer.answered("mark 2");
  t.ok(pacer.isIdle, "a pong answers all pings before it");
  t.ok(pacer.hasRoom);
});

t.test("pongs of other pings, and of marks that were answered, change nothing", async (t) => {
  const pacer = new Pacer(PIECE, new FakeClock());
  pacer.sent(PIECE);
  for (const payload of ["", "probe 1", "mark", "mark x", "mark 0", "mark -1"]) pacer.answered(payload);
  t.notOk(pacer.hasRoom);
  pacer.answered("mark 1");
  pacer.answered("mark 1");
  t.ok(pacer.hasRoom);
  t.ok(pacer.isIdle);
});
