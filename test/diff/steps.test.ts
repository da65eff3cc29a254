import fc from "fast-check";
import t from "tap";
import { ByteWriter } from "../../src/diff/byte-writer.js";
import { commonEnds } from "../../src/diff/common-ends.js";
import { EditGraph } from "../../src/diff/edit-graph.js";
import { gatherHunks } from "../../src/diff/hunks.js";
import { badnessOf, compareBadness } from "../../src/diff/indent.js";
import { LineClasses } from "../../src/diff/line-classes.js";
import { printHunks } from "../../src/diff/print.js";
import { markChanges } from "../../src/diff/search.js";
import { setAside } from "../../src/diff/set-aside.js";
import { slideGroups } from "../../src/diff/slide.js";
import { Text } from "../../src/diff/text.js";
import { withoutLongTail } from "../../src/diff/without-long-tail.js";

const bytes = (text: string) => Buffer.from(text, "latin1");
const text = (...lines: string[]) => new Text(bytes(lines.join("\n")));
const linesOf = (file: Text) =>
  Array.from({ length: file.count }, (_, i) => Buffer.from(file.bytes).toString("latin1", file.start(i), file.end(i)));
/** The lines of a file, changed ones in brackets. */
const marked = (file: Text) =>
  linesOf(file)
    .map((line, i) => (file.changed[i] === 1 ? `[${line.trim()}]` : line.trim()))
    .join(" ");
const keptLines = (file: Text) => [...file.kept.subarray(0, file.keptCount)];
const mark = (file: Text, ...lines: number[]) => {
  for (const line of lines) file.changed[line] = 1;
  return file;
};

t.test("lines: each ends behind its line feed, the last one maybe with the file", async (t) => {
  t.same(linesOf(text("a", "", "bcdef", "")), ["a\n", "\n", "bcdef\n"]);
  t.same(linesOf(text("a", "b")), ["a\n", "b"]);
  t.same(linesOf(text("")), []);
  const any = fc.array(fc.oneof(fc.constant(10), fc.integer({ min: 0, max: 255 })), { maxLength: 60 });
  fc.assert(
    fc.property(any, fc.nat({ max: 3 }), (values, offset) => {
      const content = Buffer.concat([Buffer.alloc(offset), Buffer.from(values)]).subarray(offset);
      const expected = content.toString("latin1").match(/[^\n]*\n|[^\n]+/g) ?? [];
      const file = new Text(content);
      return JSON.stringify(linesOf(file)) === JSON.stringify(expected);
    }),
  );
});

t.test("lines: the same if and only if their bytes are", async (t) => {
  const line = fc.string({ unit: fc.constantFrom("a", "b", "\0", "\xff"), maxLength: 9 });
  fc.assert(
    fc.property(fc.array(line), fc.array(line), (one, other) => {
      const [before, after] = [text(...one, "end"), text("x", ...other, "end")];
      return linesOf(before).every((a, i) =>
        linesOf(after).every((b, j) => before.isSameLine(i, after, j) === (a === b)),
      );
    }),
  );
  t.notOk(text("a", "a").isSameLine(0, text("a", "a"), 1), "a missing line feed is a difference");
});

t.test("common ends: whole lines, which never overlap", async (t) => {
  const ends = (before: string, after: string) => {
    const { head, tail } = commonEnds(new Text(bytes(before)), new Text(bytes(after)));
    return [head, tail];
  };
  t.same(ends("a\nb\nc\nd\n", "a\nx\ny\nd\n"), [1, 1]);
  t.same(ends("a\na\n", "a\na\na\n"), [2, 0], "the head comes first");
  t.same(ends("ab", "abc"), [0, 0]);
  t.same(ends("ab\n", "ab"), [0, 0]);
  t.same(ends("xab\n", "ab\n"), [0, 0], "the tail of a line is no line");
  t.same(ends("x\nab\n", "ab\n"), [0, 1]);
  t.same(ends("a\nb", "a\nb"), [2, 0]);
  t.same(ends("", "a\n"), [0, 0]);
});

t.test("set aside: lines without a counterpart are changed, and left out of the search", async (t) => {
  const [before, after] = [text("a", "only", "b", ""), text("b", "a", "")];
  const classes = new LineClasses();
  classes.number(before, after, 0, 0);
  setAside(before, 0, before.count, classes.after);
  t.same(keptLines(before), [0, 2]);
  t.equal(marked(before), "a [only] b");
});

t.test("set aside: a line with many counterparts goes with the lines around it", async (t) => {
  const common = Array.from({ length: 40 }, () => "}");
  const lonely = (word: string) => Array.from({ length: 8 }, (_, i) => `${word}${i}`);
  const keptOf = (lines: string[]) => {
    const [before, after] = [text(...lines, ""), text(...common, "")];
    const classes = new LineClasses();
    classes.number(before, after, 0, 0);
    setAside(before, 0, before.count, classes.after);
    return keptLines(before);
  };
  t.same(keptOf([...lonely("x"), "}", ...lonely("y")]), [], "among lonely lines");
  t.same(keptOf([...lonely("x"), "}"]), [8], "lonely lines on one side are not enough");
  t.same(keptOf(["x", "}", "y"]), [1], "nor are few");
});

t.test("search: marks a shortest script", async (t) => {
  const word = fc.constantFrom("a", "b", "c");
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.array(word, { maxLength: 12 }), (one, other) => {
      const [before, after] = [text(...one, ""), text(...other, "")];
      for (const [file, lines] of [
        [before, one],
        [after, other],
      ] as const) {
        file.classes.set(lines.map((line) => line.charCodeAt(0)));
        file.kept.set([...lines.keys()]);
        file.keptCount = lines.length;
      }
      markChanges(before, after, new EditGraph());
      const rest = (file: Text) => linesOf(file).filter((_, i) => file.changed[i] === 0);
      return rest(before).join() === rest(after).join() && rest(before).length === longestCommon(one, other);
    }),
  );
  t.pass();
});

/** The length of the longest common subsequence, by the textbook's table. */
function longestCommon(one: string[], other: string[]): number {
  let row = other.map(() => 0);
  for (const a of one) {
    const next: number[] = [];
    other.forEach((b, j) => {
      next.push(a === b ? (row[j - 1] ?? 0) + 1 : Math.max(row[j] ?? 0, next[j - 1] ?? 0));
    });
    row = next;
  }
  return row.at(-1) ?? 0;
}

t.test("slide: a group goes beside a change of the other file if it can", async (t) => {
  const before = mark(text("a", "x", "b", ""), 1);
  const after = mark(text("a", "y", "b", "a", "y", "b", ""), 3, 4, 5);
  mark(after, 1);
  slideGroups(after, before, 0, after.count);
  t.equal(marked(after), "a [y] [b] [a] [y] b");
});

t.test("slide: else to where a block starts, rather than in its middle", async (t) => {
  const before = text("f {", "  x", "}", "", "g {", "  x", "}", "");
  const after = mark(text("f {", "  x", "}", "", "h {", "  x", "}", "", "g {", "  x", "}", ""), 2, 3, 4, 5);
  t.equal(slideGroups(after, before, 0, after.count), 0, "and says where the changes may begin");
  t.equal(marked(after), "f { x }  [h {] [x] [}] [] g { x }");
});

t.test("slide: groups that touch become one", async (t) => {
  const after = mark(text("a", "a", "b", "a", ""), 0, 3);
  slideGroups(after, text("a", "b", ""), 0, after.count);
  t.equal(marked(after), "a [a] b [a]", "these do not touch");
  const touching = mark(text("a", "b", "a", "b", "a", ""), 0, 1, 3, 4);
  slideGroups(touching, text("a", ""), 0, touching.count);
  t.match(marked(touching), /^(a \[b\] \[a\] \[b\] \[a\]|\[a\] \[b\] \[a\] \[b\] a)$/);
});

t.test("indent: a group is best before a line that is indented less", async (t) => {
  const file = text("if (a) {", "  b", "}", "if (c) {", "  d", "}", "");
  t.ok(compareBadness(badnessOf(file, 0, 3), badnessOf(file, 1, 4)) < 0);
  t.equal(compareBadness(badnessOf(file, 0, 3), badnessOf(file, 0, 3)), 0);
});

t.test("hunks: changes join when at most twice the context parts them", async (t) => {
  const lines = Array.from({ length: 30 }, (_, i) => `${i}`);
  const hunks = (second: number, context: number) => {
    const [before, after] = [mark(text(...lines, ""), 5, second), mark(text(...lines, ""), 5, second)];
    return gatherHunks(before, after, context).map((hunk) => [hunk.beforeStart, hunk.beforeEnd]);
  };
  t.same(hunks(12, 3), [[2, 16]]);
  t.same(hunks(13, 3), [
    [2, 9],
    [10, 17],
  ]);
  t.same(hunks(7, 0), [
    [5, 6],
    [7, 8],
  ]);
  t.same(hunks(29, 3).at(-1), [26, 30], "no context behind the end");
});

t.test("print: ranges, signs, and what is said of a missing line feed", async (t) => {
  const print = (before: Text, after: Text) => {
    const writer = new ByteWriter();
    printHunks(writer, before, after, gatherHunks(before, after, 3));
    return Buffer.from(writer.copy()).toString("latin1");
  };
  t.equal(print(text(""), mark(text("a", ""), 0)), "@@ -0,0 +1 @@\n+a\n");
  t.equal(print(mark(text("a", "b", ""), 1), text("a", "")), "@@ -1,2 +1 @@\n a\n-b\n");
  const note = "\\ No newline at end of file\n";
  t.equal(print(mark(text("a"), 0), mark(text("b"), 0)), `@@ -1 +1 @@\n-a\n${note}+b\n${note}`);
  t.equal(print(mark(text("x", "a"), 0), text("a")), `@@ -1,2 +1 @@\n-x\n a\n${note}`);
});

t.test("without context, common blocks of 1,024 bytes at the end are left out", async (t) => {
  const tail = `${"x".repeat(99)}\n`.repeat(21);
  const rest = (before: string, after: string) =>
    withoutLongTail(bytes(before), bytes(after)).map((part) => part.length);
  t.same(rest(`a\n${tail}`, `bcd\n${tail}`), [2 + 100, 4 + 100], "but for the rest of a line");
  t.same(rest("a\n", "b\n"), [2, 2]);
});
