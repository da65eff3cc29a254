import t from "tap";
import { withoutLongTail } from "../../src/diff/without-long-tail.js";
import fc from "../support/fast-check.js";
import { Steps } from "./steps.js";

const bytes = (text: string) => Buffer.from(text, "latin1");
const text = (...lines: string[]) => lines.join("\n");

t.test("lines: each ends behind its line feed, the last one maybe with the file", async (t) => {
  const linesOf = (content: string | Uint8Array) => new Steps(content, "").lines("before");
  t.same(linesOf(text("a", "", "bcdef", "")), ["a\n", "\n", "bcdef\n"]);
  t.same(linesOf(text("a", "b")), ["a\n", "b"]);
  t.same(linesOf(""), []);
  const any = fc.array(fc.oneof(fc.constant(10), fc.integer({ min: 0, max: 255 })), { maxLength: 300 });
  fc.assert(
    fc.property(any, (values) => {
      const content = Buffer.from(values);
      const expected = content.toString("latin1").match(/[^\n]*\n|[^\n]+/g) ?? [];
      return JSON.stringify(linesOf(content)) === JSON.stringify(expected);
    }),
  );
});

t.test("lines: the same if and only if their bytes are", async (t) => {
  const line = fc.string({ unit: fc.constantFrom("a", "b", "\0", "\xff"), maxLength: 40 });
  fc.assert(
    fc.property(fc.array(line), fc.array(line), (one, other) => {
      const steps = new Steps(text(...one, "end"), text("x", ...other, "end"));
      return steps
        .lines("before")
        .every((a, i) => steps.lines("after").every((b, j) => steps.isSameLine(i, j) === (a === b)));
    }),
  );
  t.notOk(new Steps("a\na", "a\na").isSameLine(0, 1), "a missing line feed is a difference");
});

t.test("common ends: whole lines, which never overlap", async (t) => {
  const ends = (before: string, after: string) => new Steps(before, after).commonEnds();
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
  const steps = new Steps(text("a", "only", "b", ""), text("b", "a", ""));
  t.same(steps.setAside("before"), [0, 2]);
  t.equal(steps.marked("before"), "a [only] b");
});

t.test("set aside: a line with many counterparts goes with the lines around it", async (t) => {
  const common = Array.from({ length: 40 }, () => "}");
  const lonely = (word: string) => Array.from({ length: 8 }, (_, i) => `${word}${i}`);
  const keptOf = (lines: string[]) => new Steps(text(...lines, ""), text(...common, "")).setAside("before");
  t.same(keptOf([...lonely("x"), "}", ...lonely("y")]), [], "among lonely lines");
  t.same(keptOf([...lonely("x"), "}"]), [8], "lonely lines on one side are not enough");
  t.same(keptOf(["x", "}", "y"]), [1], "nor are few");
});

t.test("search: marks a shortest script", async (t) => {
  const word = fc.constantFrom("a", "b", "c");
  const isShortest = (one: string[], other: string[]) => {
    const steps = new Steps(text(...one, ""), text(...other, ""));
    steps.search();
    const [before, after] = [steps.unmarked("before"), steps.unmarked("after")];
    return before.join() === after.join() && before.length === longestCommon(one, other);
  };
  const short = fc.array(word, { maxLength: 12 });
  fc.assert(fc.property(short, short, isShortest));
  // long enough that many paths are looked at together
  const long = fc.array(word, { minLength: 40, maxLength: 90 });
  fc.assert(fc.property(long, long, isShortest));
  t.pass();
});

t.test("longest common subsequences: of any two beginnings, over words of 64 lines", async (t) => {
  const words = fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(words, words, fc.double({ min: 0, max: 1, noNaN: true }), (one, other, share) => {
      const steps = new Steps(text(...one, ""), text(...other, ""));
      const [x, y] = [Math.round(share * one.length), Math.round((1 - share) * other.length)];
      return (
        steps.longestCommon(x, y) === longestCommon(one.slice(0, x), other.slice(0, y)) &&
        steps.longestCommon(one.length, other.length) === longestCommon(one, other)
      );
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
  const steps = new Steps(text("a", "x", "b", ""), text("a", "y", "b", "a", "y", "b", ""));
  steps.mark([1], [1, 3, 4, 5]);
  steps.slide("after");
  t.equal(steps.marked("after"), "a [y] [b] [a] [y] b");
});

t.test("slide: else to where a block starts, rather than in its middle", async (t) => {
  const before = text("f {", "  x", "}", "", "g {", "  x", "}", "");
  const steps = new Steps(before, text("f {", "  x", "}", "", "h {", "  x", "}", "", "g {", "  x", "}", ""));
  steps.mark([], [2, 3, 4, 5]);
  t.equal(steps.slide("after"), 0, "and says where the changes may begin");
  t.equal(steps.marked("after"), "f { x }  [h {] [x] [}] [] g { x }");
});

t.test("slide: groups that touch become one", async (t) => {
  const apart = new Steps(text("a", "b", ""), text("a", "a", "b", "a", ""));
  apart.mark([], [0, 3]);
  apart.slide("after");
  t.equal(apart.marked("after"), "a [a] b [a]", "these do not touch");
  const touching = new Steps(text("a", ""), text("a", "b", "a", "b", "a", ""));
  touching.mark([], [0, 1, 3, 4]);
  touching.slide("after");
  t.match(touching.marked("after"), /^(a \[b\] \[a\] \[b\] \[a\]|\[a\] \[b\] \[a\] \[b\] a)$/);
});

t.test("indent: a group is best before a line that is indented less", async (t) => {
  const steps = new Steps(text("if (a) {", "  b", "}", "if (c) {", "  d", "}", ""), "");
  t.ok(steps.isWorseGroup([1, 4], [0, 3]));
  t.notOk(steps.isWorseGroup([0, 3], [1, 4]));
  t.notOk(steps.isWorseGroup([0, 3], [0, 3]));
});

t.test("hunks: changes join when at most twice the context parts them", async (t) => {
  const lines = Array.from({ length: 30 }, (_, i) => `${i}`);
  const heads = (second: number, context: number) => {
    const steps = new Steps(text(...lines, ""), text(...lines, ""));
    steps.mark([5, second], [5, second]);
    return steps.print(context).match(/^@@ \S+/gm);
  };
  t.same(heads(12, 3), ["@@ -3,14"]);
  t.same(heads(13, 3), ["@@ -3,7", "@@ -11,7"]);
  t.same(heads(7, 0), ["@@ -6", "@@ -8"]);
  t.same(heads(29, 3)?.at(-1), "@@ -27,4", "no context behind the end");
});

t.test("print: ranges, signs, and what is said of a missing line feed", async (t) => {
  const print = (before: string, after: string, deleted: number[], added: number[]) => {
    const steps = new Steps(before, after);
    steps.mark(deleted, added);
    return steps.print(3);
  };
  t.equal(print("", "a\n", [], [0]), "@@ -0,0 +1 @@\n+a\n");
  t.equal(print("a\nb\n", "a\n", [1], []), "@@ -1,2 +1 @@\n a\n-b\n");
  const note = "\\ No newline at end of file\n";
  t.equal(print("a", "b", [0], [0]), `@@ -1 +1 @@\n-a\n${note}+b\n${note}`);
  t.equal(print("x\na", "a", [0], []), `@@ -1,2 +1 @@\n-x\n a\n${note}`);
});

t.test("without context, common blocks of 1,024 bytes at the end are left out", async (t) => {
  const tail = `${"x".repeat(99)}\n`.repeat(21);
  const rest = (before: string, after: string) =>
    withoutLongTail(bytes(before), bytes(after)).map((part) => part.length);
  t.same(rest(`a\n${tail}`, `bcd\n${tail}`), [2 + 100, 4 + 100], "but for the rest of a line");
  t.same(rest("a\n", "b\n"), [2, 2]);
});
