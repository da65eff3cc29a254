import { deepEqual, equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { linesOf } from "../../src/agent/questions/lines.js";
import { countOldLines, findHeading, gapBehind, OldLines, oldBlobOf } from "../../src/web/model/old-lines.js";
import { readHunkHead, rowsOf } from "../../src/web/model/rows.js";
import fc from "../support/fast-check.js";
import { GIT_ENV } from "../support/repo.js";
import { tempDir } from "../support/temp.js";

const line = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("  a();", "", "}", "  b;\r", "\ufeffx", "\u202eturned") },
  { weight: 1, arbitrary: fc.nat(99).map((at) => `function name${at}(${"é".repeat(at)}) {`) },
);
const end = fc.boolean();
const text = (lines: readonly string[], hasEnd: boolean) => lines.join("\n") + (hasEnd && lines.length > 0 ? "\n" : "");
/** A file of which some places were edited. */
const versions = fc
  .record({
    lines: fc.array(line, { minLength: 1, maxLength: 90 }),
    edits: fc.array(fc.tuple(fc.nat(89), fc.nat(2), fc.array(line, { maxLength: 2 })), { maxLength: 4 }),
    ends: fc.tuple(end, end),
  })
  .map(({ lines, edits, ends }) => {
    const edited = [...lines];
    for (const [at, gone, come] of edits) edited.splice(at % lines.length, gone, ...come);
    return { old: text(lines, ends[0]), new: text(edited, ends[1]) };
  });
type Versions = typeof versions extends fc.Arbitrary<infer V> ? V : never;

/** What git says of two folders of files. @returns rows by the names of the files */
function gitRows(folder: string, context: number): Map<string, string[]> {
  const args = ["diff", "--no-index", "--full-index", "--text", `-U${context}`, "old", "new"];
  const { stdout, stderr } = spawnSync("git", args, { cwd: folder, env: GIT_ENV, maxBuffer: 2 ** 26 });
  if (stderr.length > 0) throw new Error(stderr.toString());
  const files = stdout.toString().split(/^(?=diff --git )/m);
  return new Map(
    files.flatMap((file) => {
      const [, name = ""] = /^diff --git a\/old\/(\S+)/.exec(file) ?? [];
      const start = file.search(/^@@/m);
      return start < 0 ? [] : [[name, rowsOf(file.slice(start))]];
    }),
  );
}

function write(folder: string, files: readonly Versions[]): void {
  for (const side of ["old", "new"] as const) {
    mkdirSync(join(folder, side), { recursive: true });
    for (const [at, file] of files.entries()) writeFileSync(join(folder, side, String(at)), file[side]);
  }
}

/** Without what a head counts: how many lines follow. */
const plain = (rows: readonly string[]) =>
  rows.map((row) => {
    const head = row.startsWith("@") ? readHunkHead(row) : undefined;
    return head === undefined ? row : `@ ${head.oldFirst} ${head.newFirst} ${head.heading}`;
  });

/** The rows of a text's lines, each with its number. */
function numbered(content: string): string[] {
  return ["", ...rowsOf(content)];
}

t.test("a diff whose gaps are all shown is the one that git prints with as much context", async (t) => {
  fc.assert(
    fc.property(fc.array(versions, { minLength: 60, maxLength: 60 }), (files) => {
      const folder = tempDir(t);
      write(folder, files);
      const whole = gitRows(folder, 1_000_000);
      for (const [name, rows] of gitRows(folder, 3)) {
        const { old } = files[Number(name)] ?? { old: "" };
        const lines = new OldLines("a blob");
        const { lines: count } = linesOf(old, 1, 1);
        const told = countOldLines(rows);
        if (told !== undefined) equal(told, count);
        // as the page does it: gap by gap, the last one to an end that is not known before
        let from = 1;
        for (const row of rows) {
          const head = row.startsWith("@") ? readHunkHead(row) : undefined;
          if (head === undefined) from += /^[ -]/.test(row) ? 1 : 0;
          else {
            if (head.oldFirst > from) lines.add(from, linesOf(old, from, head.oldFirst - 1).text);
            from = head.oldFirst;
          }
        }
        deepEqual(gapBehind(rows, told), { from, to: told === undefined ? undefined : told + 1 });
        lines.add(from, linesOf(old, from, Number.MAX_SAFE_INTEGER).text);
        lines.setCount(count);
        const wide = lines.widen(rows);
        deepEqual(plain(wide.rows), plain(whole.get(name) ?? []));
        deepEqual(gapBehind(wide.rows, count), { from: count + 1, to: count + 1 });
        deepEqual(
          (wide.places ?? [...rows.keys()]).flatMap((place, at) =>
            rows[at]?.startsWith("@") === true ? [] : [wide.rows[place]],
          ),
          rows.filter((row) => !row.startsWith("@")),
          "every row is where it is said to be",
        );
      }
    }),
    { numRuns: 3, endOnFailure: true },
  );
  t.pass("none of them");
});

t.test("whatever is shown of a file, and whatever is edited meanwhile, each line is the file's own", async (t) => {
  const range = fc.tuple(fc.nat(89), fc.nat(20));
  const edited = fc.record({ first: versions, later: versions, ranges: fc.array(range, { maxLength: 4 }) });
  fc.assert(
    fc.property(fc.array(edited, { minLength: 40, maxLength: 40 }), (cases) => {
      const folder = tempDir(t);
      // two states of a file: its old version is the same, what it is now is another
      const states = cases.map(({ first, later }) => [first, { old: first.old, new: later.new }] as const);
      write(folder, states.flat());
      const diffs = gitRows(folder, 3);
      for (const [at, { first, ranges }] of cases.entries()) {
        const lines = new OldLines("a blob");
        const { lines: count } = linesOf(first.old, 1, 1);
        const shown = new Set<number>();
        for (const [start, length] of ranges) {
          const from = (start % count) + 1;
          lines.add(from, linesOf(first.old, from, from + length).text);
          for (let line = from; line <= Math.min(count, from + length); line += 1) shown.add(line);
        }
        lines.setCount(count);
        let before: readonly string[] = [];
        for (const [which, state] of (states[at] ?? []).entries()) {
          const rows = diffs.get(String(2 * at + which)) ?? [];
          lines.keep(before);
          before = rows;
          if (rows.length === 0) continue;
          const [old, now] = [numbered(state.old), numbered(state.new)];
          let [oldLine, newLine] = [1, 1];
          const seen: number[] = [];
          for (const row of lines.widen(rows).rows) {
            const head = row.startsWith("@") ? readHunkHead(row) : undefined;
            if (head !== undefined) [oldLine, newLine] = [head.oldFirst, head.newFirst];
            else if (row.startsWith("\\")) continue;
            else {
              if (/^[ -]/.test(row)) equal(row.slice(1), old[oldLine]);
              if (/^[ +]/.test(row)) equal(row.slice(1), now[newLine]);
              if (/^[ -]/.test(row)) seen.push(oldLine);
              oldLine += /^[ -]/.test(row) ? 1 : 0;
              newLine += /^[ +]/.test(row) ? 1 : 0;
            }
          }
          deepEqual(
            seen,
            [...new Set(seen)].sort((a, b) => a - b),
            "from top to bottom, and none twice",
          );
          deepEqual(
            [...shown].filter((each) => !seen.includes(each)),
            [],
          );
        }
      }
    }),
    { numRuns: 3, endOnFailure: true },
  );
  t.pass("none of them");
});

t.test("what touches the lines that are shown stays with them when it is no change any longer", async (t) => {
  const old = Array.from({ length: 60 }, (_, at) => `line ${at + 1}\n`).join("");
  const lines = new OldLines("a blob");
  const hunk = [
    "@@ -27,7 +27,7 @@ f",
    " line 27",
    " line 28",
    " line 29",
    "-line 30",
    "+30",
    " line 31",
    " line 32",
    " line 33",
  ];
  const other = ["@@ -50,2 +50,3 @@", " line 50", "+new", " line 51"];
  lines.add(20, linesOf(old, 20, 26).text);
  t.same(lines.widen([...hunk, ...other]).rows.slice(0, 2), ["@@ -20 +20 @@ f", " line 20"]);
  lines.keep([...hunk, ...other]);
  const { rows, places } = lines.widen(other);
  t.same(rows, ["@@ -20 +20 @@ ", ...Array.from({ length: 14 }, (_, at) => ` line ${at + 20}`), ...other]);
  t.same(places, [15, 16, 17, 18]);
});

t.test("a function's head is found by what git has left of it", async (t) => {
  const lines = ["", "class A {", "  async run(x) {", "    run();", "    // async run"];
  const find = (heading: string, from = 1) => findHeading(heading, from, lines.length, (line) => lines[line]);
  t.equal(find("async run(x) {"), 2);
  t.equal(find("class A"), 1, "it was cut");
  t.equal(find("class A\ufffd"), 1, "within a character");
  t.equal(find("class A", 2), undefined);
  t.equal(find(" "), undefined);
});

t.test("the old version is named by the header, unless there is none", async (t) => {
  const [a, b] = ["a".repeat(40), "b".repeat(40)];
  t.equal(oldBlobOf(`diff --git a/x b/x\nindex ${a}..${b} 100644\n`), a);
  t.equal(oldBlobOf(`diff --git a/x b/x\nnew file mode 100644\nindex ${"0".repeat(40)}..${b}\n`), undefined);
  t.equal(oldBlobOf("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n"), undefined);
  t.equal(oldBlobOf(`index ${"c".repeat(64)}..${"d".repeat(64)} 100644\n`), "c".repeat(64));
});
