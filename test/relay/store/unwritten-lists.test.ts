import t from "tap";
import { GoneRoots } from "../../../src/relay/store/gone-roots.js";
import { UnwrittenLists } from "../../../src/relay/store/unwritten-lists.js";
import fc from "../../support/fast-check.js";

const MOST = 8 * 1024 * 1024;
const unitsOf = (roots: Iterable<string>) => [...roots].reduce((sum, root) => sum + 64 + root.length, 0);
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
          const had = present === undefined ? undefined : setOf(present);
          model.set(chat, { workspace, count: 1024 + unitsOf(had ?? []) + unitsOf(setOf(gone)) });
          lists.set(chat, { workspace, present: had, gone: new GoneRoots(setOf(gone)) });
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

t.test("long names count as what they are", async (t) => {
  const lists = new UnwrittenLists();
  const long = (mark: number) => new Set(Array.from({ length: 500 }, (_, at) => `/${mark}-${at}`.padEnd(4_096, ".")));
  lists.set("honest", { workspace: "honest", present: setOf(9_000), gone: new GoneRoots() });
  for (let chat = 0; chat < 200; chat += 1) {
    lists.set(`x${chat}`, { workspace: "hostile", present: long(chat), gone: new GoneRoots() });
    lists.giveUp();
  }
  const held = Array.from({ length: 200 }, (_, chat) => lists.get(`x${chat}`)).filter((each) => each !== undefined);
  t.same([held.length, lists.has("honest")], [3, true]);
});

t.test("what is gone is bounded in roots and in characters, the latest stay, and its length is known", async () => {
  const name = fc
    .tuple(fc.nat(40), fc.constantFrom(1, 100, 300_000))
    .map(([at, units]) => `/${at}-`.padEnd(units, "."));
  const change = fc.record({ root: name, isGone: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const roots = new GoneRoots();
      let model: string[] = [];
      for (const { root, isGone } of changes) {
        model = model.filter((each) => each !== root);
        if (isGone) {
          model.push(root);
          roots.add([root]);
          while (model.reduce((sum, each) => sum + each.length, 0) > 2 * 1024 * 1024) model.shift();
        } else roots.delete(root);
        if (String([...roots]) !== String(model) || roots.size !== model.length) return false;
        if (roots.units !== model.reduce((sum, each) => sum + each.length, 0)) return false;
      }
      return true;
    }),
    { numRuns: 200 },
  );
});

t.test("of more roots than a chat has the latest are known as gone", async (t) => {
  const named = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `/${from + at}`);
  const roots = new GoneRoots(named(0, 9_000));
  roots.add(named(8_000, 12_000));
  t.same([...roots], named(2_000, 12_000));
  roots.add(named(12_000, 13_000));
  t.same([...roots], named(3_000, 13_000));
});
