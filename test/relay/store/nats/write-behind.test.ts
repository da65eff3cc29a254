import t from "tap";
import { WriteBehind } from "../../../../src/relay/store/nats/write-behind.js";
import { StoreUnavailableError } from "../../../../src/relay/store/trouble.js";
import { silentLogger } from "../../../../src/util/index.js";
import { FakeClock } from "../../../support/fake-clock.js";

t.test("whose write is given up is told, and whose write is tried again is not", async (t) => {
  const clock = new FakeClock();
  const behind = new WriteBehind(clock, silentLogger());
  const dropped: string[] = [];
  const written: string[] = [];
  let isDown = true;
  const write = (key: string, fails = false) => {
    const job = async () => {
      if (isDown) throw new StoreUnavailableError("locked");
      if (fails) throw new Error("it never will be");
      written.push(key);
    };
    behind.later(key, { owner: "w", write: job, dropped: () => dropped.push(key) });
  };
  write("first");
  await clock.advance(10);
  write("fails", true);
  for (let at = 0; at < 10_000; at += 1) write(`key ${at}`);
  t.same(dropped, ["first", "fails"], "more than 10,000 do not wait");
  write("fails", true);
  t.same(dropped, ["first", "fails", "key 0"]);
  isDown = false;
  for (let at = 0; at < 2_000 && written.length < 9_999; at += 1) await clock.advance(1_000);
  await clock.advance(10);
  t.equal(written.length, 9_999);
  t.same(dropped, ["first", "fails", "key 0", "fails"]);
  t.notOk(behind.has("fails"));
});
