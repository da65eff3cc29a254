import t from "tap";
import { WAKE_INTERVAL_MS, WakeWatch } from "../../../src/agent/tunnel/wake.js";

/** Clocks and addresses in the test's hand. */
function machine() {
  const now = { wall: 1_000_000, monotonic: 0, addresses: "10.0.0.2/24" };
  const watch = new WakeWatch({
    wallMs: () => now.wall,
    monotonicMs: () => now.monotonic,
    addresses: () => now.addresses,
  });
  const pass = (wallMs: number, monotonicMs = wallMs) => {
    now.wall += wallMs;
    now.monotonic += monotonicMs;
    return watch.look();
  };
  return { now, pass };
}

t.test("while time passes as it should, nothing has happened", async (t) => {
  const { pass } = machine();
  for (const late of [0, 10, 5_000]) t.equal(pass(WAKE_INTERVAL_MS + late), undefined, `${late} ms late`);
});

t.test("a machine that slept shows in the wall clock, a process that was stopped in both", async (t) => {
  const { pass } = machine();
  t.equal(pass(3_600_000, WAKE_INTERVAL_MS), "woke up");
  t.equal(pass(WAKE_INTERVAL_MS), undefined);
  t.equal(pass(60_000), "woke up");
});

t.test("a wall clock that is set back is no sleep", async (t) => {
  const { pass } = machine();
  t.equal(pass(-3_600_000, WAKE_INTERVAL_MS), undefined);
});

t.test("another network is noticed when it comes, not when the old one goes", async (t) => {
  const { now, pass } = machine();
  now.addresses = "";
  t.equal(pass(WAKE_INTERVAL_MS), undefined);
  now.addresses = "192.168.1.7/24";
  t.equal(pass(WAKE_INTERVAL_MS), "the network has changed");
  t.equal(pass(WAKE_INTERVAL_MS), undefined);
});

t.test("this machine has clocks and addresses", async (t) => {
  t.equal(new WakeWatch().look(), undefined);
});
