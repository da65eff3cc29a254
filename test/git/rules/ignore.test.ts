import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import type { BytePath } from "../../../src/git/io/byte-path.js";
import { fileSystemPath } from "../../../src/git/io/byte-path.js";
import type { IgnoreDirectory } from "../../../src/git/rules/types.js";
import fc from "../../support/fast-check.js";
import { SEED } from "../../support/random.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

const RUNS = 110;

/** Names, one character per byte, that bring out the corners: case, blanks, glob characters, bytes over 0x7f. */
const NAMES = [
  "a",
  "A",
  "b",
  "ab",
  "abc",
  "a.c",
  "foo",
  "Foo",
  "foobar",
  "a b",
  "a ",
  "#a",
  "!a",
  "[a]",
  "a\\b",
  "*",
  "x-y",
];
const ODD_NAMES = ["-", "]", "z\xc3\xa9", "\xff", "a\tb", "9", "^a"];
const DIRECTORIES = ["", "foo", "foo/ab", "foo/ab/foo", "Foo", "a b", "ab", "ab/[a]", "x", "x/x-y", "x/x-y/foobar"];
const DIRECTORY_SET = new Set(DIRECTORIES);

const PATHS: BytePath[] = DIRECTORIES.flatMap((directory, at) =>
  [...NAMES, ...(at % 4 === 0 ? ODD_NAMES : [])].map((name) => (directory === "" ? name : `${directory}/${name}`)),
);

const atom = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "c", "A", "foo", "bar", "Foo", ".", "x", "y", "-") },
  { weight: 4, arbitrary: fc.constantFrom("*", "?", "**", "/", "/", "**/", "/**", "/**/", "***") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ..."[a] [!a] [^a] [a-c] [A-C] [c-a] [[:alpha:]] [[:upper:]] [[:space:]] [![:punct:]] [[:nope:]] []] []-a] [a-]".split(
        " ",
      ),
      ..."[--0] [\\]] [\\[a] [a\\-c] [[:a] [[:] [[a] [ [!] [a [^!] [*] [a/b] [/] [Z-b] [\xc3-\xff] [[:lower:]b-A]".split(
        " ",
      ),
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom("\\", "\\a", "\\*", "\\ ", "\\\\", "\\#", "\\!", "\\A", "\\/") },
  { weight: 1, arbitrary: fc.constantFrom(" ", "\t", "#", "!", "\xc3\xa9", "\xff", "]", "^", "9") },
);
const free = fc.array(atom, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
/** A path of the tree, some of its parts replaced by globs. */
const nearMiss = fc
  .tuple(fc.constantFrom(...PATHS), fc.array(fc.constantFrom("", "", "*", "**", "?*", "[!z]*"), { maxLength: 4 }))
  .map(([path, globs]) =>
    path
      .split("/")
      .map((part, at) => globs[at] || part)
      .join("/"),
  );
const pattern = fc
  .tuple(
    fc.constantFrom("", "", "", "!", "!", "/", "!/", "**/", "#", " "),
    fc.oneof(free, nearMiss, nearMiss),
    fc.constantFrom("", "", "", "/", "/*", "/**", " ", "  ", "\\ ", "\t", "\r", "//"),
  )
  .map((parts) => parts.join(""));
const ignoreFile = fc
  .tuple(
    fc.constantFrom("", "", "", "\xef\xbb\xbf"),
    fc.array(pattern, { minLength: 1, maxLength: 5 }),
    fc.constantFrom("\n", "\n", "\n\n", "\r\n"),
    fc.boolean(),
  )
  .map(([mark, lines, end, ended]) => mark + lines.join(end) + (ended ? end : ""));

const rules = fc.record({
  top: ignoreFile,
  below: fc.dictionary(fc.constantFrom(...DIRECTORIES.slice(1)), ignoreFile, { maxKeys: 3 }),
  exclude: fc.option(ignoreFile, { nil: undefined }),
  user: fc.option(ignoreFile, { nil: undefined }),
  ignoreCase: fc.boolean(),
});

t.test("ignore rules answer as `git check-ignore` does", async (t) => {
  const repo = createRepo(t);
  const userFile = join(repo.root, ".git/user-ignore");
  repo.git("config", "core.excludesFile", userFile);
  for (const path of PATHS) {
    const place = fileSystemPath(repo.root, path);
    if (DIRECTORY_SET.has(path)) mkdirSync(place, { recursive: true });
    else {
      mkdirSync(join(repo.root, dirname(path)), { recursive: true });
      writeFileSync(place, "");
    }
  }
  const ignoreFiles = DIRECTORIES.map((directory) => join(repo.root, directory, ".gitignore"));
  const write = (path: string, content: string | undefined): void => {
    if (content === undefined) rmSync(path, { force: true });
    else writeFileSync(path, content, "latin1");
  };

  let questions = 0;
  const property = fc.asyncProperty(rules, async (rules) => {
    for (const [at, path] of ignoreFiles.entries())
      write(path, at === 0 ? rules.top : rules.below[DIRECTORIES[at] ?? ""]);
    write(join(repo.root, ".git/info/exclude"), rules.exclude);
    write(userFile, rules.user);
    repo.git("config", "core.ignoreCase", String(rules.ignoreCase));
    const repository = openRepository(repo.root, GIT_ENV);
    const top = repository.ignoreRules(repository.readIgnoreFile(""));
    const expected = askGit(repo.root, PATHS);
    for (const path of PATHS) {
      questions += 1;
      const ignored = answer(repo.root, top, path);
      if (ignored !== expected.get(path)) {
        throw new Error(`${JSON.stringify(path)}: ${ignored ? "ignored" : "kept"}, unlike git`);
      }
    }
  });
  await fc.assert(property, { numRuns: RUNS });
  t.ok(questions >= 20_000, `${questions} questions, seed ${SEED}`);
});

/** Walks down to a path as the scan does. */
function answer(root: string, top: IgnoreDirectory, path: BytePath): boolean {
  const parts = path.split("/");
  const name = parts.pop() ?? "";
  let directory = top;
  let at = "";
  for (const part of parts) {
    at = at === "" ? part : `${at}/${part}`;
    let bytes: Uint8Array | undefined;
    try {
      bytes = readFileSync(fileSystemPath(root, `${at}/.gitignore`));
    } catch {
      bytes = undefined;
    }
    directory = directory.enter(part, bytes);
  }
  return directory.ignores(name, lstatSync(fileSystemPath(root, path)).isDirectory());
}

/** Whether git ignores each path: what matches last, unless it is a negated pattern. */
function askGit(root: string, paths: readonly BytePath[]): Map<BytePath, boolean> {
  const args = ["-C", root, "check-ignore", "--stdin", "-z", "-v", "-n", "--no-index"];
  let output: Buffer;
  try {
    output = execFileSync("git", args, { env: GIT_ENV, input: Buffer.from(`${paths.join("\0")}\0`, "latin1") });
  } catch (thrown) {
    // Status 1: none of them is ignored.
    output = (thrown as { stdout: Buffer }).stdout;
  }
  const words = output.toString("latin1").split("\0");
  const ignored = new Map<BytePath, boolean>();
  for (let at = 0; at + 3 < words.length; at += 4) {
    const [source, , pattern, path] = words.slice(at, at + 4);
    ignored.set(path ?? "", source !== "" && !(pattern ?? "").startsWith("!"));
  }
  return ignored;
}
