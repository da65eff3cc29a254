import t from "tap";
import { SendWindow } from "../../../src/util/index.js";
import { FakeClock } from "../../support/fake-clock.js";

const PIECE = 64 * 1024;

/** Sends pieces into a window as long as there is room, over a link on which each takes so long, one after the other. */
async function send(sendWindow: SendWindow, clock: FakeClock, pieces: number, pieceMs: number): Promise<number> {
  const marks: { mark: string; at: number }[] = [];
  let most = 0;
  let freeAt = 0;
  for (let piece = 0; piece < pieces; piece += 1) {
    while (!sendWindow.hasRoom) {
      const first = marks.shift();
      if (first === undefined) throw new Error("nothing is under way, and yet there is no room");
      await clock.advance(Math.max(0, first.at - clock.monotonicMs()));
      sendWindow.answered(first.mark);
    }
    const mark = sendWindow.sent(PIECE);
    if (mark === undefined) throw new Error("a piece without a mark");
    freeAt = Math.max(freeAt, clock.monotonicMs()) + pieceMs;
    marks.push({ mark, at: freeAt });
    most = Math.max(most, marks.length);
  }
  return most;
}

t.test("on a slow link one piece is under way, on a fast one many", async (t) => {
  const clock = new FakeClock();
  t.equal(await send(new SendWindow(PIECE, clock), clock, 50, 8_000), 1);
  t.equal(await send(new SendWindow(PIECE, clock), clock, 200, 5), 64, "4 MiB and no more");
});

t.test("a link that becomes slow has fewer and fewer pieces under way", async (t) => {
  const clock = new FakeClock();
  const sendWindow = new SendWindow(PIECE, clock);
  t.ok((await send(sendWindow, clock, 100, 5)) > 10);
  for (let round = 0; round < 10; round += 1) {
    const mark = sendWindow.sent(PIECE);
    await clock.advance(8_000);
    sendWindow.answered(mark ?? "");
  }
  t.ok(sendWindow.hasRoom);
  sendWindow.sent(PIECE);
  t.notOk(sendWindow.hasRoom);
});

t.test("small messages have one mark for many, and need no room", async (t) => {
  const sendWindow = new SendWindow(PIECE, new FakeClock());
  const marks = Array.from({ length: 40 }, () => sendWindow.sent(1_024)).filter((mark) => mark !== undefined);
  t.same(marks, ["mark 1", "mark 2"]);
  t.notOk(sendWindow.isIdle);
  sendWindow.answered("mark 2");
  t.ok(sendWindow.isIdle, "a pong answers all pings before it");
  t.ok(sendWindow.hasRoom);
});

t.test("pongs of other pings, and of marks that were answered, change nothing", async (t) => {
  const sendWindow = new SendWindow(PIECE, new FakeClock());
  sendWindow.sent(PIECE);
  for (const payload of ["", "probe 1", "mark", "mark x", "mark 0", "mark -1"]) sendWindow.answered(payload);
  t.notOk(sendWindow.hasRoom);
  sendWindow.answered("mark 1");
  sendWindow.answered("mark 1");
  t.ok(sendWindow.hasRoom);
  t.ok(sendWindow.isIdle);
});
