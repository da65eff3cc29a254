import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { READ_BYTES, ReadBudget } from "../../../src/relay/budgets/read-budget.js";
import fc from "../../support/fast-check.js";

const CHUNK = 64 * 1024;

/** Something that has so many chunks to be read, and says what is read in each turn. */
class Source {
  isHeld = false;
  left: number;
  readonly #budget: ReadBudget;
  readonly reading = {
    hold: () => {
      this.isHeld = true;
    },
    release: () => {
      this.isHeld = false;
    },
  };

  constructor(budget: ReadBudget, chunks: number) {
    this.#budget = budget;
    this.left = chunks;
  }

  /** As libuv does: all that there is, as long as it is read. @returns bytes */
  read(): number {
    let bytes = 0;
    while (this.left > 0 && !this.isHeld) {
      this.left -= 1;
      bytes += CHUNK;
      this.#budget.take(this.reading, CHUNK);
    }
    return bytes;
  }
}

t.test("however many sources have however much, a turn reads little, and everything is read", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 30 }), async (chunks) => {
      const budget = new ReadBudget();
      const sources = chunks.map((count) => new Source(budget, count));
      let left = chunks.reduce((sum, count) => sum + count, 0) * CHUNK;
      for (let turn = 0; left > 0; turn += 1) {
        const most = READ_BYTES + sources.filter((source) => !source.isHeld && source.left > 0).length * CHUNK;
        const bytes = sources.reduce((sum, source) => sum + source.read(), 0);
        if (bytes > most) throw new Error(`${bytes} bytes in turn ${turn}, of ${most}`);
        left -= bytes;
        await nextTurn();
      }
      await nextTurn();
      for (const { isHeld } of sources) if (isHeld) throw new Error("it is held for ever");
    }),
    { numRuns: 50 },
  );
});

t.test("who has waited longest is read first, and who is closed is not waited for", async (t) => {
  const budget = new ReadBudget();
  const order: number[] = [];
  const readings = Array.from({ length: 12 }, (_, at) => ({ hold: () => undefined, release: () => order.push(at) }));
  for (const reading of readings) budget.take(reading, READ_BYTES);
  for (const reading of readings.slice(4, 8)) budget.forget(reading);
  await nextTurn();
  t.same(order, [0, 1, 2, 3]);
  await nextTurn();
  t.same(order, [0, 1, 2, 3, 8, 9, 10, 11]);
});

t.test("who sends little is never held", async (t) => {
  const budget = new ReadBudget();
  let holds = 0;
  const reading = { hold: () => (holds += 1), release: () => undefined };
  for (let turn = 0; turn < 10; turn += 1) {
    for (let chunk = 1; chunk < READ_BYTES / CHUNK; chunk += 1) budget.take(reading, CHUNK);
    await nextTurn();
  }
  t.equal(holds, 0);
});
