import t from "tap";
import { UnwrittenLists } from "../../../src/relay/store/unwritten-lists.js";
import fc from "../../support/fast-check.js";

const MOST = 100_000;
const setOf = (count: number) => new Set(Array.from({ length: count }, (_, at) => `/${at}`));
const list = fc.record({
  workspace: fc.integer({ min: 0, max: 4 }),
  chat: fc.nat(30),
  present: fc.oneof(fc.constant(undefined), fc.nat(9_000)),
  gone: fc.nat(9_000),
  isOver: fc.boolean(),
});

t.test("what is held is bounded, and goes from who has the most, the oldest first", async () => {
  fc.assert(
    fc.property(fc.array(list, { maxLength: 40 }), (said) => {
      const lists = new UnwrittenLists();
      const model = new Map<string, { workspace: string; count: number }>();
      const of = (workspace: string) => [...model].filter(([, each]) => each.workspace === workspace);
      const sum = (entries: [string, { count: number }][]) => entries.reduce((all, [, { count }]) => all + count, 0);
      for (const { workspace: number, chat: id, present, gone, isOver } of said) {
        const [workspace, chat] = [`w${number}`, `c${id}`];
        model.delete(chat);
        if (isOver) lists.delete(chat);
        else {
          model.set(chat, { workspace, count: 10 + (present ?? 0) + gone });
          const had = present === undefined ? undefined : setOf(present);
          lists.set(chat, { workspace, present: had, gone: setOf(gone) });
        }
        for (const given of lists.giveUp()) {
          const { workspace: whose = "" } = model.get(given) ?? {};
          const mine = sum(of(whose));
          for (let other = 0; other <= 4; other += 1) if (sum(of(`w${other}`)) > mine) return false;
          if (sum([...model]) <= MOST || of(whose)[0]?.[0] !== given) return false;
          model.delete(given);
        }
        if (sum([...model]) > MOST) return false;
        for (let each = 0; each <= 30; each += 1) if (lists.has(`c${each}`) !== model.has(`c${each}`)) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
});
