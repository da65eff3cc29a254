import { mock } from "node:test";
import t from "tap";
import { Barriers } from "../../../src/relay/hub/barriers.js";
import { createLogger, silentLogger } from "../../../src/util/index.js";

t.test("each barrier has a number of its own, and passes with the agent's answer to it", async (t) => {
  const barriers = new Barriers(silentLogger());
  const ids: number[] = [];
  const first = barriers.add("chat", (id) => ids.push(id));
  const second = barriers.add("chat", (id) => ids.push(id));
  t.equal(new Set(ids).size, 2);
  barriers.pass(ids[1] ?? 0, 2_000);
  barriers.pass(12_345, 3_000); // nobody asked
  barriers.pass(ids[0] ?? 0, 1_000);
  barriers.pass(ids[0] ?? 0, 4_000); // it was answered
  t.same(await Promise.all([first, second]), [1_000, 2_000]);
});

t.test("when the agent is lost, all that wait are rejected, and those to come are not", async (t) => {
  const barriers = new Barriers(silentLogger());
  const lost = [barriers.add("chat", () => undefined), barriers.add("chat", () => undefined)];
  barriers.rejectAll();
  for (const barrier of lost) await t.rejects(barrier, { message: "the agent is gone" });
  let id = 0;
  const next = barriers.add("chat", (asked) => {
    id = asked;
  });
  barriers.pass(id, 5_000);
  t.equal(await next, 5_000);
});

t.test("an agent that does not answer for a minute is given up on, and that is logged", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  const lines: string[] = [];
  const barriers = new Barriers(createLogger("relay", "info", { write: (line) => lines.push(line) }));
  const barrier = barriers.add("the-chat", () => undefined);
  mock.timers.tick(59_999);
  t.same(lines, []);
  mock.timers.tick(1);
  await t.rejects(barrier, { message: "no answer" });
  t.match(JSON.parse(lines[0] ?? ""), { chat: "the-chat", msg: "the agent has not answered a refresh" });
});

t.test("one that has answered is not given up on later", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  const lines: string[] = [];
  const barriers = new Barriers(createLogger("relay", "info", { write: (line) => lines.push(line) }));
  const barrier = barriers.add("chat", (id) => barriers.pass(id, 1));
  mock.timers.tick(120_000);
  t.equal(await barrier, 1);
  t.same(lines, []);
});
