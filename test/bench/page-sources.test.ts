import t from "tap";
import { editLine, editMark, Sources } from "../../bench/page/sources.js";
import { unifiedHunks } from "../../src/diff/index.js";

const LINES = Array.from({ length: 5_000 }, (_, at) => `const name${at} = ${at % 7}; // a line as programs have them`);

t.test(
  "the files of the page's benchmark are the same every time, and their diffs have the size asked for",
  async (t) => {
    const [once, again] = [new Sources(LINES).files(20, 200_000), new Sources(LINES).files(20, 200_000)];
    t.same(once, again);
    t.same(
      once.map(({ path }) => path),
      once.map(({ path }) => path).sort(),
      "in the order of a diff",
    );
    const sizes = once.map(
      ({ path, before, after }) => unifiedHunks(Buffer.from(before), Buffer.from(after)).length + path.length * 4,
    );
    const sum = sizes.reduce((all, size) => all + size, 0);
    t.ok(sum > 180_000 && sum <= 200_000, `${sum} bytes`);
  },
);

t.test("small files have diffs, too", async (t) => {
  const files = new Sources(LINES).files(200, 200 * 1_000);
  t.same(
    files.filter(({ before, after }) => before === after).map(({ path }) => path),
    [],
  );
});

t.test("one line of the first file alone is that of the edits", async (t) => {
  const files = new Sources(LINES).files(3, 30_000);
  t.equal(files[0]?.after.split("\n")[1], editLine(0));
  t.same(
    files.map(({ after }) => after.split(editMark(0)).length - 1),
    [1, 0, 0],
  );
  t.not(editMark(1), editMark(2));
});
