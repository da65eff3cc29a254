import t from "tap";
import { SILENCE_MS, watchSilence } from "../../../src/util/link/browser.js";
import { FakeClock } from "../../support/fake-clock.js";

t.test("any byte is a sign of life, and none for 24 s is none", async (t) => {
  const clock = new FakeClock();
  const stream = { bytesRead: 0, bytesWritten: 0, writableLength: 0 };
  let moves = 0;
  let silences = 0;
  watchSilence(
    stream,
    () => {
      silences += 1;
    },
    {
      clock,
      onMove: () => {
        moves += 1;
      },
    },
  );
  // a large message on a slow link: never whole, always on its way
  for (let second = 0; second < 300; second += 20) {
    await clock.advance(20_000);
    stream.bytesRead += 1;
  }
  t.equal(silences, 0);
  await clock.advance(SILENCE_MS);
  t.equal(silences, 0, "the last byte came after the last look");
  await clock.advance(1_000);
  t.equal(silences, 1);
  t.equal(moves, 15);
  t.equal(clock.waiting, 0);
});

t.test("a watch that was ended says nothing", async (t) => {
  const clock = new FakeClock();
  const end = watchSilence({ bytesRead: 0, bytesWritten: 0, writableLength: 0 }, () => t.fail("it was ended"), {
    clock,
  });
  await clock.advance(5_000);
  end();
  await clock.advance(60_000);
  t.equal(clock.waiting, 0);
});
