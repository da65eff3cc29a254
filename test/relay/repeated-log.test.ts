import t from "tap";
import { RepeatedLog } from "../../src/relay/repeated-log.js";
import { createLogger } from "../../src/util/index.js";
import { FakeClock } from "../support/fake-clock.js";

function open() {
  const lines: Record<string, unknown>[] = [];
  const clock = new FakeClock();
  const log = createLogger("relay", "info", { write: (line) => void lines.push(JSON.parse(line)) });
  return { lines, clock, log: new RepeatedLog(log, clock) };
}

t.test("the same is logged once a minute, with how often it came meanwhile", async (t) => {
  const { lines, clock, log } = open();
  for (let count = 0; count < 100; count += 1) log.warn("/a TW_X", { root: "/a" }, "trouble");
  log.warn("/b TW_X", { root: "/b" }, "trouble");
  log.info("/a TW_X", { root: "/a" }, "something else");
  t.equal(lines.length, 3);
  t.notOk(lines.some((line) => "repeated" in line));
  await clock.advance(60_000);
  log.warn("/a TW_X", { root: "/a" }, "trouble");
  t.match(lines[3], { root: "/a", msg: "trouble", repeated: 99 });
});

t.test("ever different lines are no more than 30 a minute, and it is said how many there were", async (t) => {
  const { lines, clock, log } = open();
  for (let count = 0; count < 10_000; count += 1) log.warn(`/${count}`, { root: `/${count}` }, "trouble");
  t.equal(lines.length, 30);
  await clock.advance(60_000);
  log.warn("/x", {}, "trouble");
  log.warn("/y", {}, "trouble");
  t.match(lines[30], { suppressed: 9_970 });
  t.notOk("suppressed" in (lines[31] ?? {}));
});
