import { parse as parseWithDiff2Html } from "diff2html";
import gitdiffModule from "gitdiff-parser";
import parseDiff from "parse-diff";
import t from "tap";
import { type FilePatch, filePatch } from "../../src/diff/index.js";
import { type Entry, EXECUTABLE, FILE, LINK, SUBMODULE, sideOf } from "./trees.js";

// its types speak of an ES module's default export, which Node takes a CommonJS module's exports for
const gitdiffParser = gitdiffModule as unknown as typeof gitdiffModule.default;
/** Two of the parsers keep the tab that git puts behind a name with a space. */
const withoutTab = (name: string | undefined) => name?.replace(/\t$/, "");

const entry = (content: string, mode = FILE): Entry => ({ mode, content: Buffer.from(content) });
const LINES = Array.from({ length: 40 }, (_, i) => `line ${i}\n`);
const text = (from = 0, to = 40) => entry(LINES.slice(from, to).join(""));

/** Every sort of patch, as text, with what a parser must find in it. */
const PATCHES: Record<string, [before: Entry | null, after: Entry | null, similarity?: number]> = {
  "modified.txt": [text(), entry(LINES.toSpliced(3, 1, "x\n").toSpliced(30, 2).join(""))],
  "new.txt": [null, text()],
  "deleted.txt": [text(), null],
  "empty.txt": [null, entry("")],
  "mode.sh": [text(), entry(LINES.join(""), EXECUTABLE)],
  "unfinished.txt": [entry("a\nb"), entry("a\nc")],
  "with space.txt": [entry("a\n"), entry("b\n")],
  "dashes.sql": [entry("-- a\n++ b\n"), entry("++ c\n")],
  "binary.bin": [entry("\0a"), entry("\0b")],
  link: [entry("to", LINK), entry("there", LINK)],
  module: [entry("1".repeat(40), SUBMODULE), entry("2".repeat(40), SUBMODULE)],
};

const patches = Object.entries(PATCHES).map(([path, [before, after]]): [string, FilePatch] => [
  path,
  filePatch(before && sideOf(path, before), after && sideOf(path, after)),
]);
const rename = filePatch(sideOf("old.txt", text()), sideOf("renamed.txt", text(0, 38)), { similarity: 94 });
patches.push(["renamed.txt", rename]);
const diff = patches.map(([, { bytes }]) => Buffer.from(bytes).toString()).join("");
const expected = patches.map(([path, { additions, deletions }]) => ({ path, additions, deletions }));

t.test("the counts are those of the lines", async (t) => {
  for (const [path, { bytes, headerLength, additions, deletions }] of patches) {
    const hunks = Buffer.from(bytes.subarray(headerLength)).toString().split("\n");
    t.equal(hunks.filter((line) => line.startsWith("+")).length, additions, path);
    t.equal(hunks.filter((line) => line.startsWith("-")).length, deletions, path);
    t.ok(headerLength === bytes.length || hunks[0]?.startsWith("@@ "), "the header ends where the first hunk starts");
  }
});

t.test("gitdiff-parser lists every file with its lines", async (t) => {
  const files = gitdiffParser.parse(diff).map(({ type, oldPath, newPath, hunks }) => {
    const changes = hunks.flatMap((hunk) => hunk.changes);
    return {
      path: withoutTab(type === "delete" ? oldPath : newPath),
      additions: changes.filter((change) => change.type === "insert").length,
      deletions: changes.filter((change) => change.type === "delete").length,
    };
  });
  t.same(files, expected);
});

t.test("parse-diff lists every file with its lines", async (t) => {
  const files = parseDiff(diff).map(({ to, from, additions, deletions }) => ({
    path: to === "/dev/null" ? from : to,
    additions,
    deletions,
  }));
  t.same(files, expected);
});

t.test("diff2html lists every file with its lines", async (t) => {
  const files = parseWithDiff2Html(diff).map(({ oldName, newName, addedLines, deletedLines }) => ({
    path: withoutTab(newName === "/dev/null" ? oldName : newName),
    additions: addedLines,
    deletions: deletedLines,
  }));
  t.same(files, expected);
});
