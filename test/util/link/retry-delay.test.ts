import t from "tap";
import { CONNECTION_TIMES } from "../../../src/agent/tunnel/connection.js";
import { RetryDelay } from "../../../src/util/link/retry-delay.js";
import fc from "../../support/fast-check.js";

const refused = { lastedMs: 5, welcomed: false };
/** Random numbers that are as large as they get. */
const worst = () => 1 - Number.EPSILON;

t.test("delays grow with each failure, up to 30 s, each drawn evenly from nothing to its bound", async (t) => {
  const bounds = new RetryDelay(worst);
  t.same(
    Array.from({ length: 9 }, () => bounds.next(refused) + refused.lastedMs),
    [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000],
  );
  const half = new RetryDelay(() => 0.5);
  t.same(
    Array.from({ length: 3 }, () => half.next(refused) + refused.lastedMs),
    [250, 500, 1_000],
  );
});

t.test("only a connection that held for a minute makes delays short again", async (t) => {
  for (const [lastedMs, delayMs] of [
    [0, 30_000],
    [19_999, 30_000],
    [59_999, 5_000],
    [60_000, 500],
  ] as const) {
    const delay = new RetryDelay(worst);
    for (let count = 0; count < 10; count += 1) delay.next(refused);
    t.equal(delay.next({ lastedMs, welcomed: true }), delayMs, `after ${lastedMs} ms`);
  }
});

t.test("while the agent is away a client asks at least every 15 s, however long that takes", async (t) => {
  const delay = new RetryDelay(worst);
  const away = { ...refused, isAgentAway: true };
  t.same(
    Array.from({ length: 8 }, () => delay.next(away) + away.lastedMs),
    [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000],
  );
  t.equal(delay.next(refused) + refused.lastedMs, 30_000, "and where there is no relay, as before");
});

t.test("a client is right within 35 s of the network's return, whatever went before", async (t) => {
  const attempts = fc.array(fc.record({ lastedMs: fc.nat(100_000), welcomed: fc.boolean() }));
  const property = fc.property(attempts, (history) => {
    const delay = new RetryDelay(worst);
    for (const attempt of history) delay.next(attempt);
    const { handshakeMs, silenceMs } = CONNECTION_TIMES;
    // the network returned the moment after a handshake's first packet was lost
    const hung = handshakeMs + delay.next({ lastedMs: handshakeMs, welcomed: false });
    // … the moment after a connection had died without a word
    const silent = silenceMs + delay.next({ lastedMs: silenceMs, welcomed: true });
    // … the moment after an attempt had failed
    const failed = delay.next(refused);
    return Math.max(hung, silent, failed) <= 31_000;
  });
  t.doesNotThrow(() => fc.assert(property));
});
