import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { changedHunks } from "../../../src/client/terminal/hunks.js";
import fc from "../../support/fast-check.js";
import { filesOf } from "../../support/patches.js";
import { createRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";

const numbers = (...changed: [at: number, to: string][]) => {
  const lines = Array.from({ length: 60 }, (_, at) => `${at + 1}`);
  for (const [at, to] of changed) lines[at - 1] = to;
  return `${lines.join("\n")}\n`;
};

/** Git's hunks from one text to another. */
function hunksOf(before: string, after: string): string {
  const dir = tempDir(t);
  for (const [name, text] of Object.entries({ before, after })) writeFileSync(join(dir, name), text);
  try {
    execFileSync("git", ["diff", "--no-index", "--no-color", "before", "after"], { cwd: dir });
    return "";
  } catch (error) {
    const printed = String((error as { stdout: Buffer }).stdout);
    return printed.slice(printed.indexOf("@@ "));
  }
}

const show = (before: string, after: string) =>
  changedHunks(before, after).flatMap(({ head, lines }) => [
    head,
    ...lines.map(({ text, isNew }) => `${isNew ? "*" : " "}${text}`),
  ]);

t.test("only the hunk that changed is shown, with what is new in it", (t) => {
  const before = hunksOf(numbers(), numbers([10, "ten"]));
  const after = hunksOf(numbers(), numbers([10, "ten"], [50, "fifty"]));
  t.same(show(before, after), [
    "@@ -47,7 +47,7 @@",
    ...["* 47", "* 48", "* 49", "*-50", "*+fifty", "* 51", "* 52", "* 53"],
  ]);
  t.same(show(after, after), []);
  t.same(show(after, before), [], "hunks that have only gone");
  t.end();
});

t.test("of a hunk that is long, the lines around what is new are shown, and its head is true for them", (t) => {
  const [before, after] = [hunksOf("", numbers()), hunksOf("", numbers([30, "thirty"]))];
  const lines = ["+27", "+28", "+29", "+thirty", "+31", "+32", "+33"];
  t.same(show(before, after), ["@@ -0,0 +27,7 @@", ...lines.map((line) => `${line === "+thirty" ? "*" : " "}${line}`)]);
  t.end();
});

t.test("an edit that was undone amid others shows the line that is as it was", (t) => {
  const before = hunksOf(numbers(), numbers([10, "ten"], [12, "twelve"]));
  const after = hunksOf(numbers(), numbers([10, "ten"]));
  t.match(show(before, after).join("\n"), "* 12");
  t.end();
});

t.test("whatever was edited, what is shown of its patch applies by itself, where git says it does", async (t) => {
  const edit = fc.record({ at: fc.integer({ min: 1, max: 60 }), to: fc.constantFrom("x", "y", "", "1", "two words") });
  const repo = createRepo(t, { f: numbers() });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 4 }), fc.array(edit, { minLength: 1, maxLength: 4 }), (first, more) => {
      const text = (edits: typeof first) => numbers(...edits.map(({ at, to }): [number, string] => [at, to]));
      const patchOf = (edits: typeof first) => {
        repo.write("f", text(edits));
        return filesOf(repo.git("diff", "--full-index", "HEAD"))[0];
      };
      const [before, after] = [patchOf(first), patchOf([...first, ...more])];
      if (after === undefined) return;
      const hunks = changedHunks(before?.hunks ?? "", after.hunks);
      for (const { head, lines } of hunks) {
        const patch = `${after.header}${head}\n${lines.map((line) => `${line.text}\n`).join("")}`;
        writeFileSync(join(repo.root, ".git/part"), patch);
        repo.git("apply", "--cached", "--check", "--unidiff-zero", ".git/part");
      }
    }),
    { numRuns: 12 },
  );
});
