import t from "tap";
import { Penalties } from "../../../src/relay/sockets/penalties.js";
import { FakeClock } from "../../support/fake-clock.js";

t.test("a token waits longer after each offence, up to five minutes, and others do not", async (t) => {
  const clock = new FakeClock();
  const penalties = new Penalties(clock);
  t.equal(penalties.waitMs("a"), 0);
  const waits = [];
  for (let count = 0; count < 12; count += 1) {
    penalties.punish("a");
    waits.push(penalties.waitMs("a") / 1_000);
    await clock.advance(penalties.waitMs("a"));
    t.equal(penalties.waitMs("a"), 0);
  }
  t.same(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
  t.equal(penalties.waitMs("b"), 0);
});

t.test("each ten minutes without an offence take one back", async (t) => {
  const clock = new FakeClock();
  const penalties = new Penalties(clock);
  for (let count = 0; count < 5; count += 1) penalties.punish("a");
  await clock.advance(2 * 600_000);
  penalties.punish("a");
  t.equal(penalties.waitMs("a"), 8_000, "three, and this one");
  await clock.advance(600_000 * 100);
  penalties.punish("a");
  t.equal(penalties.waitMs("a"), 1_000);
});

t.test("what is remembered is bounded", async (t) => {
  const penalties = new Penalties(new FakeClock());
  for (let count = 0; count <= 10_000; count += 1) penalties.punish(`token-${count}`);
  t.equal(penalties.waitMs("token-0"), 0);
  t.ok(penalties.waitMs("token-1") > 0);
});
