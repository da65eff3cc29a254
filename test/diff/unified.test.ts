import t from "tap";
import { driverPattern, type FunctionPattern, filePatch, unifiedHunks } from "../../src/diff/index.js";
import { FILE, sideOf } from "./trees.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (hunks: Uint8Array) => Buffer.from(hunks).toString("latin1");
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `${i}\n`);

t.test("what is given back stays as it is when the next files are compared", async (t) => {
  const first = unifiedHunks(bytes("a\n"), bytes("b\n"));
  const second = unifiedHunks(bytes("c\n"), bytes("d\n"));
  t.equal(text(first), "@@ -1 +1 @@\n-a\n+b\n");
  t.equal(text(second), "@@ -1 +1 @@\n-c\n+d\n");
});

t.test("contents are left as they are, wherever in a buffer they lie", async (t) => {
  const buffer = bytes("xxa\nb\nyyya\nc\nz");
  const copy = buffer.slice();
  t.equal(text(unifiedHunks(buffer.subarray(2, 6), buffer.subarray(9, 13))), "@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
  t.same(buffer, copy);
});

t.test("short files after long ones see nothing of them", async (t) => {
  const long = numbered(5000);
  const short = [bytes("a\nb\n"), bytes("b\nc\n")] as const;
  const alone = text(unifiedHunks(...short));
  unifiedHunks(bytes(long.join("")), bytes(long.toReversed().join("")));
  t.equal(text(unifiedHunks(...short)), alone);
});

t.test("a function pattern may itself compare files", async (t) => {
  const nested: FunctionPattern = {
    name: "nested",
    match: (line) => {
      unifiedHunks(bytes("1\n2\n3\n"), bytes("3\n2\n1\n"));
      return line[0] === 0x66 ? line : undefined;
    },
  };
  const lines = ["f()\n", ...numbered(20)];
  const [before, after] = [bytes(lines.join("")), bytes(lines.with(15, "x\n").join(""))];
  t.match(text(unifiedHunks(before, after, { functionPattern: nested })), /^@@ -13,7 \+13,7 @@ f\(\)\n/);
});

t.test("an error from a pattern or a content passes through, and harms nothing", async (t) => {
  const failing: FunctionPattern = {
    name: "failing",
    match: () => {
      throw new Error("no");
    },
  };
  const lines = numbered(20);
  const [before, after] = [bytes(lines.join("")), bytes(lines.with(15, "x\n").join(""))];
  t.throws(() => unifiedHunks(before, after, { functionPattern: failing }), { message: "no" });
  const unreadable = {
    ...sideOf("a", { mode: FILE, content: Buffer.from("a\n") }),
    content: () => {
      throw new Error("gone");
    },
  };
  t.throws(() => filePatch(null, unreadable), { message: "gone" });
  t.match(text(unifiedHunks(before, after, { functionPattern: driverPattern("cpp") })), /^@@ -13,7 \+13,7 @@\n/);
});

t.test("lines of context are a whole number, 0 or more", async (t) => {
  const [before, after] = [bytes("a\n"), bytes("b\n")];
  for (const contextLines of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => unifiedHunks(before, after, { contextLines }), RangeError);
  }
  t.equal(text(unifiedHunks(before, after, { contextLines: undefined })), "@@ -1 +1 @@\n-a\n+b\n");
});
