import t from "tap";
import {
  diffFiles,
  findFile,
  joinChanges,
  mergeFiles,
  realChanges,
  sameFile,
  type TreeFile,
} from "../../src/protocol/index.js";
import fc from "../support/fast-check.js";

const file = (key: string, hunks: string): TreeFile => {
  return { key, path: key, header: "", hunks, additions: 0, deletions: 0, omitted_bytes: 0 };
};
/** Lists of a few files, and of more than are changed one by one. */
const files = fc
  .uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 3 }), fc.nat(3)), {
    selector: ([key]) => key,
    maxLength: 80,
    size: "max",
  })
  .map((all) => all.map(([key, n]) => file(key, String(n))).sort((a, b) => (a.key < b.key ? -1 : 1)));

t.test("what changed, merged into what was, is what is", async (t) => {
  fc.assert(
    fc.property(files, files, (before, after) => {
      t.strictSame(mergeFiles(before, diffFiles(before, after)), after);
    }),
    { verbose: 1 },
  );
});

t.test(
  "changes in any order, and of files that are not there, lead to the list that a look at each key leads to",
  async (t) => {
    const changes = fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 2 }), fc.boolean()), {
      maxLength: 80,
      size: "max",
    });
    const lengths = new Set<boolean>();
    fc.assert(
      fc.property(files, changes, (before, drawn) => {
        const change = new Map(drawn.map(([key, stays]) => [key, stays ? file(key, "new") : undefined]));
        lengths.add(change.size > 32);
        const expected = new Map(before.map((one) => [one.key, one]));
        for (const [key, one] of change) if (one === undefined) expected.delete(key);
        for (const [key, one] of change) if (one !== undefined) expected.set(key, one);
        const merged = mergeFiles(before, change);
        t.strictSame(
          merged,
          [...expected.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
        );
        t.ok(
          merged.every((one) => expected.get(one.key) === one),
          "the same objects",
        );
      }),
    );
    t.equal(lengths.size, 2, "few and many");
  },
);

t.test("files that are the same object do not count as changed", async (t) => {
  fc.assert(
    fc.property(files, fc.nat(), (before, choice) => {
      const after = before.filter((_, at) => at !== choice % (before.length + 1));
      t.equal(diffFiles(before, after).size, before.length - after.length);
    }),
  );
});

t.test("a file that says the same as before is no change, whichever object it is", async () => {
  fc.assert(
    fc.property(
      files,
      (before) =>
        diffFiles(
          before,
          before.map((one) => ({ ...one, path: "" })),
        ).size === 0,
    ),
  );
});

t.test("files that differ in any text, or in what was left out, are not the same", async (t) => {
  const one = file("t:a", "@@\n");
  t.ok(sameFile(one, { ...one }));
  t.ok(sameFile(undefined, undefined));
  for (const other of [undefined, { ...one, key: "t:b" }, { ...one, header: "x" }, { ...one, hunks: "" }]) {
    t.notOk(sameFile(one, other));
    t.notOk(sameFile(other, one));
  }
  t.notOk(sameFile(one, { ...one, omitted_bytes: 1 }));
});

t.test("a file is found by its key exactly when it is there", async () => {
  fc.assert(
    fc.property(files, fc.string({ maxLength: 3 }), (all, key) => {
      return findFile(all, key) === all.find((one) => one.key === key);
    }),
  );
});

t.test("changes on top of changes lead where one after the other leads", async (t) => {
  fc.assert(
    fc.property(files, files, files, (first, second, third) => {
      const joined = joinChanges(diffFiles(first, second), diffFiles(second, third));
      t.strictSame(mergeFiles(first, joined), third);
      t.strictSame([...realChanges(first, joined)], [...diffFiles(first, third)], "there and back is no change");
    }),
  );
});
