import t from "tap";
import { applyDelta, deltaOf, diffFiles, type TreeFile } from "../../src/protocol/index.js";
import fc from "../support/fast-check.js";

const file = (key: string, hunks: string): TreeFile => ({
  key,
  path: key.slice(2),
  header: `diff --git a/${key} b/${key}\n`,
  hunks,
  additions: hunks.length,
  deletions: 0,
  omitted_bytes: 0,
});

const arbitraryFiles = fc
  .dictionary(fc.constantFrom(..."abcdefgh"), fc.tuple(fc.nat(3), fc.string({ unit: "binary", maxLength: 20 })), {
    maxKeys: 8,
  })
  .map((entries) =>
    Object.entries(entries)
      .map(([name, [times, text]]) =>
        file(`t:${name}`, `${"a line\n".repeat(times * 100)}${text}${"after\n".repeat(50)}`),
      )
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
  );

t.test("what a delta says leads from any list to any other", async () => {
  fc.assert(
    fc.property(arbitraryFiles, arbitraryFiles, fc.boolean(), (from, to, viaJson) => {
      const shared = to.map((each) => from.find(({ key, hunks }) => key === each.key && hunks === each.hunks) ?? each);
      const delta = deltaOf(from, diffFiles(from, shared));
      const files = applyDelta(from, viaJson ? JSON.parse(JSON.stringify(delta)) : delta);
      return JSON.stringify(files) === JSON.stringify(to);
    }),
  );
});

t.test("a file of which something is hidden since then is told whole: an edit does not say so", async (t) => {
  const text = `${"a line\n".repeat(200)}`;
  const before = file("t:a", text);
  const hidden = { ...file("t:a", `${text}b\n`), masked: 1 };
  t.same(deltaOf([before], diffFiles([before], [hidden])), { upserts: [hidden], edits: [], removes: [] });
  const more = { ...hidden, masked: 2 };
  t.same([...diffFiles([hidden], [more]).values()], [more]);
});

t.test("an edited line of a large file costs its own size", async (t) => {
  const lines = (changed: string) => `${"-old line\n".repeat(50_000)}+${changed}\n${"+new line\n".repeat(50_000)}`;
  const before = [file("t:big", lines("one"))];
  const delta = deltaOf(before, diffFiles(before, [file("t:big", lines("two"))]));
  t.ok(JSON.stringify(delta).length < 300);
});

t.test("a file whose filter was not run, or is by now, is told whole", async (t) => {
  const known = file("t:x", "a line\n".repeat(500));
  const unknown: TreeFile = { ...known, filter_not_run: "up" };
  for (const [before, after] of [
    [known, unknown],
    [unknown, known],
    [unknown, { ...unknown, filter_not_run: "down" }],
  ] as const) {
    const delta = deltaOf([before], diffFiles([before], [after]));
    t.same(applyDelta([before], delta), [after]);
  }
});

t.test("an edit of a file that is not there is noticed", async (t) => {
  const edit = { key: "t:x", header: "", additions: 0, deletions: 0, start: 0, remove: 0, insert: "x" };
  t.equal(applyDelta([], { upserts: [], edits: [edit], removes: [] }), undefined);
});
