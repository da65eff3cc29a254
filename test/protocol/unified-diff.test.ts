import * as diff2html from "diff2html";
import * as gitdiffModule from "gitdiff-parser";
import parseDiff from "parse-diff";
import t from "tap";
import { filtersNotRun, fitToLimit, formatBytes, type TreeFile, unifiedDiff } from "../../src/protocol/index.js";
import { patchSize } from "../../src/protocol/omission/patch-size.js";
import fc from "../support/fast-check.js";

// its types say `export default`, its code is CommonJS
const gitdiffParser = gitdiffModule.default as unknown as typeof gitdiffModule.default.default;

const IDS = `${"1".repeat(40)}..${"2".repeat(40)}`;

/** The kinds of header that git prints before hunks, and one that has none. */
const HEADERS: Record<string, (path: string) => string> = {
  modified: (path) => `diff --git a/${path} b/${path}\nindex ${IDS} 100644\n--- a/${path}\n+++ b/${path}\n`,
  added: (path) => `diff --git a/${path} b/${path}\nnew file mode 100644\nindex ${IDS}\n--- /dev/null\n+++ b/${path}\n`,
  deleted: (path) =>
    `diff --git a/${path} b/${path}\ndeleted file mode 100644\nindex ${IDS}\n--- a/${path}\n+++ /dev/null\n`,
  renamed: (path) =>
    `diff --git a/old-${path} b/${path}\nsimilarity index 60%\nrename from old-${path}\nrename to ${path}\nindex ${IDS} 100644\n--- a/old-${path}\n+++ b/${path}\n`,
  modeChanged: (path) =>
    `diff --git a/${path} b/${path}\nold mode 100644\nnew mode 100755\nindex ${IDS}\n--- a/${path}\n+++ b/${path}\n`,
};

function file(path: string, header: string, lines: readonly string[]): TreeFile {
  const hunks =
    lines.length === 0 ? "" : `@@ -1,0 +1,${lines.length} @@\n${lines.map((line) => `+${line}\n`).join("")}`;
  return { key: `t:${path}`, path, header, hunks, additions: lines.length, deletions: 0, omitted_bytes: 0 };
}

const modified = (path: string, lines: readonly string[]) => file(path, HEADERS.modified?.(path) ?? "", lines);
const bytes = (text: string) => Buffer.byteLength(text);

t.test("the text is the patches in order, headers with their hunks", async (t) => {
  const files = [modified("a", ["1"]), modified("b", []), modified("c", ["2"])];
  t.equal(unifiedDiff(files), files.map(({ header, hunks }) => header + hunks).join(""));
  t.equal(unifiedDiff([]), "");
});

t.test("a file whose filter was not run has a line of that in the place of its hunks, and is named", async (t) => {
  const unknown = { ...modified("b", []), filter_not_run: "up" };
  const files = [modified("a", ["1"]), unknown];
  t.equal(unifiedDiff(files), `${unifiedDiff(files.slice(0, 1))}${unknown.header}Filter not run: up\n`);
  t.same(filtersNotRun(files), { filters_not_run: [{ path: "b", filter: "up" }] });
  t.same(filtersNotRun(files.slice(0, 1)), {}, "the field is absent where there is none");
  const deleted = { ...file("c", HEADERS.deleted?.("c") ?? "", ["x".repeat(200)]), filter_not_run: "up" };
  t.match(unifiedDiff([deleted]), /\n\+x+\nFilter not run: up\n$/, "it stands behind what is known");
  const { files: left } = fitToLimit([deleted], 300);
  t.match(unifiedDiff(left), /File diff too large to show\. Diff size: .*\nFilter not run: up\n$/);
});

t.test("over the limit the largest patches lose their hunks first, until the whole fits", async (t) => {
  const files = [
    modified("a", ["x".repeat(100)]),
    modified("b", ["y".repeat(5000)]),
    modified("c", ["z".repeat(4000)]),
  ];
  const { files: left, tooLargeBytes } = fitToLimit(files, 5000);
  t.equal(tooLargeBytes, 0);
  t.same(
    left.map(({ omitted_bytes }) => omitted_bytes > 0),
    [false, true, false],
  );
  t.equal(left[0], files[0], "what fits is the same object");
  t.equal(left[1]?.omitted_bytes, bytes(files[1]?.hunks ?? ""));
  t.match(unifiedDiff(left), `${files[1]?.header}File diff too large to show. Diff size: 4.9 KiB\ndiff --git a/c`);
  t.equal(fitToLimit(files, 5000).files[1], left[1], "the same objects again: states are compared by identity");
});

t.test("when not even the headers fit, the text is Coder's sentence", async (t) => {
  const files = [modified("a", ["x".repeat(100)]), modified("b", [])];
  const fitted = fitToLimit(files, 200);
  t.same(fitted, { files: [], tooLargeBytes: bytes(unifiedDiff(files)) });
  t.equal(
    unifiedDiff([], 12 * 1024 * 1024 + 300_000),
    "Total diff too large to show. Size: 12 MiB. Showing branch and remote only.",
  );
});

t.test("whatever the files and the limit, the text fits, and no more is left out than is needed", async () => {
  const arbitraryFile = fc
    .tuple(
      fc.array(fc.string({ unit: "binary", maxLength: 60 }), { maxLength: 12 }),
      fc.constantFrom(...Object.keys(HEADERS)),
      fc.option(fc.constantFrom("lfs", "ü"), { nil: undefined, freq: 4 }),
    )
    .map(([lines, kind, filter]) => ({ lines: lines.map((line) => line.replaceAll("\n", " ")), kind, filter }));
  fc.assert(
    fc.property(fc.array(arbitraryFile, { maxLength: 8 }), fc.integer({ min: 0, max: 4000 }), (shapes, limit) => {
      const files = shapes.map(({ lines, kind, filter }, position) => ({
        ...file(`f${position}`, HEADERS[kind]?.(`f${position}`) ?? "", lines),
        ...(filter !== undefined && { filter_not_run: filter }),
      }));
      const whole = bytes(unifiedDiff(files));
      const { files: left, tooLargeBytes } = fitToLimit(files, limit);
      if (whole <= limit) return left === files && tooLargeBytes === 0;
      if (tooLargeBytes > 0) return tooLargeBytes === whole && left.length === 0;
      const omitted = left.filter(({ omitted_bytes }) => omitted_bytes > 0);
      const patch = (at: number) => bytes(unifiedDiff(files.slice(at, at + 1)));
      const smallestOmitted = Math.min(...left.flatMap((each, at) => (each.omitted_bytes > 0 ? [patch(at)] : [])));
      const keptLarger = left.some((each, at) => {
        const worthDropping = bytes(each.hunks) > bytes("File diff too large to show. Diff size: 1023 B\n");
        return each.omitted_bytes === 0 && worthDropping && patch(at) > smallestOmitted;
      });
      return bytes(unifiedDiff(left)) <= limit && omitted.length > 0 && !keptLarger;
    }),
  );
});

t.test("the size of a patch is what the encoder makes of it, lone surrogates too", async () => {
  const size = (hunks: string) => patchSize({ ...modified("a", []), hunks }).hunks;
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => size(text) === bytes(text)));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0xd7f0, max: 0xe010 })), (units) => {
      const text = String.fromCharCode(...units);
      return size(text) === bytes(text);
    }),
  );
});

t.test("sizes read as Coder writes them", async (t) => {
  const MIB = 1024 * 1024;
  t.same(
    [0, 9, 10, 1023, 1024, 1536, 10 * 1024, 1.2 * MIB, 12.4 * MIB, 3 * 1024 * MIB].map((size) =>
      formatBytes(Math.round(size)),
    ),
    ["0 B", "9 B", "10 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 KiB", "1.2 MiB", "12 MiB", "3.0 GiB"],
  );
});

t.test("diff parsers list every file of a text with omitted hunks, and with filters that were not run", async (t) => {
  const big = ["x".repeat(3000)];
  const kinds = Object.entries(HEADERS);
  // the patch of an unknown content has no `index` line
  const unknown = (path: string, header: string): TreeFile => {
    return { ...file(path, header.replace(/^index .*\n/m, ""), []), filter_not_run: "up" };
  };
  const files = kinds.flatMap(([kind, header]) => [
    file(`${kind}-big`, header(`${kind}-big`), big),
    unknown(`${kind}-unknown`, header(`${kind}-unknown`)),
    file(`${kind}-small`, header(`${kind}-small`), ["y"]),
  ]);
  const { files: left } = fitToLimit(files, 5000);
  t.equal(left.filter(({ omitted_bytes }) => omitted_bytes > 0).length, kinds.length, "the big ones were left out");
  const text = unifiedDiff(left);
  const wanted = files.map(({ path }) => path);
  const hunks = files.map(({ path }) => (path.endsWith("-small") ? 1 : 0));
  const isDeleted = (path: string) => path.startsWith("deleted");

  const parsed = parseDiff(text);
  t.same(
    parsed.map(({ from, to }) => (to === "/dev/null" ? from : to)),
    wanted,
  );
  t.same(
    parsed.map(({ chunks }) => chunks.length),
    hunks,
  );
  const ofGitdiff = gitdiffParser.parse(text);
  t.same(
    ofGitdiff.map(({ oldPath, newPath }) => (newPath === "/dev/null" ? oldPath : newPath)),
    wanted,
  );
  t.same(
    ofGitdiff.map(({ hunks }) => hunks.length),
    hunks,
  );
  const ofDiff2html = diff2html.parse(text);
  t.same(
    ofDiff2html.map(({ oldName, newName }) => (isDeleted(oldName) ? oldName : newName)),
    wanted,
  );
  t.same(
    ofDiff2html.map(({ addedLines }) => addedLines),
    hunks,
  );
});
