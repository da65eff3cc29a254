import * as diff2html from "diff2html";
import * as gitdiffModule from "gitdiff-parser";
import parseDiff from "parse-diff";
import t from "tap";
import { fitToLimit, omissionsOf, type TreeFile, unifiedDiff } from "../../../src/protocol/index.js";
import fc from "../../support/fast-check.js";

// its types say `export default`, its code is CommonJS
const gitdiffParser = gitdiffModule.default as unknown as typeof gitdiffModule.default.default;

const IDS = `${"0".repeat(40)}..${"2".repeat(40)}`;

function fileOf(key: string, bytes = 20): TreeFile {
  const name = key.slice(2);
  const path = Buffer.from(name, "latin1").toString();
  const start = key.startsWith("t") ? "" : "new file mode 100644\n";
  const header = `diff --git a/${path} b/${path}\n${start}index ${IDS}\n--- /dev/null\n+++ b/${path}\n`;
  const hunks = bytes === 0 ? "" : `@@ -0,0 +1 @@\n+${"x".repeat(bytes)}\n`;
  return { key, path, header, hunks, additions: 1, deletions: 0, omitted_bytes: 0 };
}

const sorted = (files: TreeFile[]): TreeFile[] => files.sort((a, b) => (a.key < b.key ? -1 : 1));
const many = (count: number, pathOf: (at: number) => string, bytes?: number): TreeFile[] =>
  Array.from({ length: count }, (_, at) => fileOf(`u:${pathOf(at)}`, bytes));
const keys = (files: readonly TreeFile[]): string[] => files.map(({ key }) => key);
const bytesOf = (files: readonly TreeFile[]): number => Buffer.byteLength(unifiedDiff(files));

t.test("20,000 untracked files leave as one line with their number, and the tracked edit is shown", async (t) => {
  const edit = fileOf("t:src/edited.ts", 5000);
  const other = fileOf("u:new.ts", 3000);
  const below = many(20_000, (at) => `node_modules/p${at % 500}/f${at}.js`);
  const { files, tooLargeBytes } = fitToLimit(sorted([edit, other, ...below]));
  t.equal(tooLargeBytes, 0);
  t.strictSame(keys(files), ["t:src/edited.ts", "u:new.ts", "u:node_modules/"].sort());
  t.equal(files[0], edit);
  t.equal(files[1], other);
  t.match(unifiedDiff(files), /^node_modules\/: 20,000 untracked files left out\n$/m);
  t.strictSame(omissionsOf(files, 0), {
    truncated: true,
    omitted_directories: [{ path: "node_modules/", files: 20_000, bytes: bytesOf(below) }],
  });
});

t.test("untracked hunks go before tracked ones, as long as all headers fit", async (t) => {
  const edit = fileOf("t:edited", 900);
  const files = sorted([edit, ...many(10, (at) => `new${at}`, 200)]);
  const { files: left } = fitToLimit(files, 3300);
  t.equal(left.length, 11);
  t.equal(left[0], edit);
  t.ok(left.some((file) => file.omitted_bytes > 0));
});

t.test("the directory is named that holds nearly all, and what is beside it stays", async (t) => {
  const files = sorted([fileOf("u:src/new.ts"), ...many(200, (at) => `src/gen/a/f${at}`)]);
  const { files: left } = fitToLimit(files, 4000);
  t.strictSame(keys(left), ["u:src/gen/a/", "u:src/new.ts"]);
});

t.test("directories go the largest first, those that went before first again, and at last all together", async (t) => {
  const files = sorted([...many(100, (at) => `a/f${at}`), ...many(120, (at) => `b/f${at}`), fileOf("u:c")]);
  const headers = bytesOf(files.map((file) => ({ ...file, hunks: "" })));
  const limit = Math.ceil(headers * 0.7);
  const first = fitToLimit(files, limit).files;
  t.strictSame(
    first.filter((file) => file.omitted_files !== undefined).map(({ key }) => key),
    ["u:a/"],
  );
  const grown = sorted([...files, ...many(300, (at) => `b/g${at}`)]);
  const larger = Math.ceil(bytesOf(grown) * 0.9);
  const fresh = fitToLimit(grown, larger * 0.8).files;
  t.ok(keys(fresh).includes("u:b/"), "by size it is b that goes");
  t.ok(keys(fitToLimit(grown, larger * 0.8, first).files).includes("u:a/"), "a stays away where it was left out");
  t.strictSame(keys(fitToLimit(files, 400).files), ["u:a/", "u:b/", "u:c"]);
  t.strictSame(
    keys(
      fitToLimit(
        many(5000, (at) => `d${at}/f`),
        2000,
      ).files,
    ),
    ["u:./"],
  );
  t.strictSame(keys(fitToLimit(sorted(many(5000, (at) => `f${at}`)), 2000).files), ["u:./"]);
});

t.test("only when the headers of tracked files do not fit, the text is Coder's sentence", async (t) => {
  const tracked = Array.from({ length: 20 }, (_, at) => fileOf(`t:f${String(at).padStart(2, "0")}`, 500));
  const files = [...tracked, ...sorted(many(500, (at) => `new/f${at}`))];
  const least = bytesOf(tracked.map((file) => ({ ...file, hunks: "", omitted_bytes: file.hunks.length })));
  t.strictSame(fitToLimit(files, least - 1), { files: [], tooLargeBytes: bytesOf(files) });
  const { files: left, tooLargeBytes } = fitToLimit(files, least + 500);
  t.equal(tooLargeBytes, 0);
  t.strictSame(keys(left).slice(0, 20), keys(tracked));
});

t.test(
  "whatever the files, the text fits, nothing tracked goes, and every untracked file is shown or counted",
  async () => {
    const name = fc.constantFrom("a", "b", "c.ts", "node_modules", "\xc3\xa9", "x y", "-z");
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
    const file = fc.tuple(fc.constantFrom("t", "u", "u", "u"), path, fc.nat(300));
    fc.assert(
      fc.property(fc.array(file, { maxLength: 40 }), fc.integer({ min: 300, max: 6000 }), (shapes, limit) => {
        const files = sorted([
          ...new Map(
            shapes.map(([section, path, bytes]) => [`${section}:${path}`, fileOf(`${section}:${path}`, bytes)]),
          ).values(),
        ]);
        const tracked = keys(files).filter((key) => key.startsWith("t"));
        const { files: left, tooLargeBytes } = fitToLimit(files, limit);
        if (tooLargeBytes > 0) {
          const least = bytesOf(
            fitToLimit(
              files.filter(({ key }) => key.startsWith("t")),
              limit,
            ).files,
          );
          return left.length === 0 && (least > limit - 200 || tracked.length === 0 || least === 0);
        }
        const shown = left.filter((file) => file.omitted_files === undefined).length;
        const counted = left.reduce((sum, file) => sum + (file.omitted_files ?? 0), 0);
        const isSorted = keys(left).every((key, at) => at === 0 || key > (keys(left)[at - 1] ?? ""));
        const keepsTracked =
          keys(left)
            .filter((key) => key.startsWith("t"))
            .join() === tracked.join();
        return bytesOf(left) <= limit && shown + counted === files.length && isSorted && keepsTracked;
      }),
      { numRuns: 1000 },
    );
  },
);

t.test("diff parsers list every file that is left, and the directories", async (t) => {
  const odd = ["node_modules", "two words", "-dash", "+plus", "diff --git a", "@@ -1 +1 @@", "n\xc3\xa9"];
  for (const directory of odd) {
    const edits = [fileOf("t:before"), fileOf("t:edited", 300)];
    const files = sorted([...edits, fileOf("u:~last"), ...many(300, (at) => `${directory}/f${at}`)]);
    const { files: left } = fitToLimit(files, 3000);
    const text = unifiedDiff(left);
    t.equal(left.length, 4, directory);
    const counts = [1, 1, 0, 1];
    const isFile = (path: string | undefined) => path !== undefined && !path.endsWith("/") && !path.endsWith('/"');
    const wanted = ["before", "edited", "~last"];
    const parsed = parseDiff(text);
    t.strictSame(parsed.map(({ to }) => to).filter(isFile), wanted, `parse-diff, ${directory}`);
    t.strictSame(
      parsed.map(({ additions }) => additions),
      counts,
      directory,
    );
    const ofGitdiff = gitdiffParser.parse(text);
    t.strictSame(ofGitdiff.map(({ newPath }) => newPath).filter(isFile), wanted, `gitdiff-parser, ${directory}`);
    t.strictSame(
      ofGitdiff.map(({ hunks }) => hunks.length),
      counts,
      directory,
    );
    const ofDiff2html = diff2html.parse(text);
    t.strictSame(ofDiff2html.map(({ newName }) => newName).filter(isFile), wanted, `diff2html, ${directory}`);
    t.strictSame(
      ofDiff2html.map(({ addedLines }) => addedLines),
      counts,
      directory,
    );
  }
  const { files } = fitToLimit(
    many(300, (at) => `a\nb/f${at}`),
    3000,
  );
  t.match(unifiedDiff(files), /^"a\\012b\/": 300 untracked files left out$/m, "a line feed does not end the line");
});
