import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { SlicedFlush } from "../../../src/relay/hub/sliced-flush.js";
import { TURN_BYTES, TurnShare } from "../../../src/relay/hub/turn-share.js";
import { until } from "../../support/until.js";

/** Longer than a slice, for as few viewers as are served without a look at the clock. */
const BUSY_MS = 0.2;

/** Viewers that are work, and the order in which they are served. */
function open(count: number) {
  const served: number[] = [];
  const viewers = new Set<{ id: number; flush(): void }>();
  for (let id = 0; id < count; id += 1) {
    const flush = () => {
      served.push(id);
      const end = performance.now() + BUSY_MS;
      while (performance.now() < end);
    };
    viewers.add({ id, flush });
  }
  return { served, viewers, sliced: new SlicedFlush(viewers) };
}

const ascending = (count: number) => Array.from({ length: count }, (_, id) => id);

t.test("few viewers are served at once", (t) => {
  const { served, sliced } = open(32);
  sliced.flush();
  t.same(served, ascending(32));
  t.equal(sliced.waiting.size, 0);
  t.end();
});

t.test(
  "many viewers are served in slices, each once and in order, and others have their turn in between",
  async (t) => {
    const { served, sliced } = open(320);
    let servedBeforeOther = 0;
    sliced.flush();
    setImmediate(() => {
      servedBeforeOther = served.length;
    });
    t.ok(served.length < 320);
    t.equal(sliced.waiting.size, 320 - served.length);
    await until("all are served", () => sliced.waiting.size === 0);
    t.ok(servedBeforeOther < 320, `${servedBeforeOther} were served before anybody else`);
    t.same(served, ascending(320));
  },
);

t.test("a change amid a round serves those again that had been served, behind the others", async (t) => {
  const { served, sliced } = open(320);
  sliced.flush();
  const first = served.length;
  sliced.flush();
  t.equal(served.length, first, "no second round in the same turn");
  await until("all are served", () => sliced.waiting.size === 0);
  t.same(served, [...ascending(320), ...ascending(first)]);
});

t.test("chats whose viewers share a turn have it one after the other, and their viewers wait as one", async (t) => {
  const turn = new TurnShare();
  const order: string[] = [];
  const chatOf = (name: string) => {
    const flush = () => {
      order.push(name);
      turn.spend(TURN_BYTES / 4);
    };
    const viewers = new Set(Array.from({ length: 64 }, () => ({ flush })));
    return new SlicedFlush(viewers, turn);
  };
  turn.spend(TURN_BYTES);
  const chats = [chatOf("a"), chatOf("b")];
  for (const chat of chats) chat.flush();
  t.same(order, [], "nothing is left of this turn");
  t.ok(turn.isBehind);
  for (let served = 0; order.length < 128; served = order.length) {
    await nextTurn();
    t.ok(order.length > served && order.length - served <= 8, `${order.length - served} in a turn`);
  }
  t.same(
    order,
    Array.from({ length: 128 }, (_, at) => (at % 8 < 4 ? "a" : "b")),
  );
  await nextTurn();
  t.notOk(turn.isBehind);
});

t.test("who leaves is served no more", async (t) => {
  const { served, viewers, sliced } = open(320);
  sliced.flush();
  for (const viewer of [...viewers]) {
    if (viewer.id < 310) continue;
    viewers.delete(viewer);
    sliced.forget(viewer);
  }
  await until("all are served", () => sliced.waiting.size === 0);
  await nextTurn();
  t.same(served, ascending(310));
});
