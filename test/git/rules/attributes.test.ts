import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import { AttributeFiles } from "../../../src/git/rules/attribute-files.js";
import fc from "../../support/fast-check.js";
import { SEED } from "../../support/random.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

const NAMES = ["a", "B", "a.c", "foo.txt", "x y", "é", "dir", "[z]"];
const DIRECTORIES = ["", "dir", "dir/sub", "Foo"];
const PATHS = DIRECTORIES.flatMap((directory) =>
  NAMES.map((name) => (directory === "" ? name : `${directory}/${name}`)),
);

const pattern = fc.oneof(
  fc.constantFrom(
    "*",
    "*.c",
    "*.txt",
    "a",
    "b",
    "/a",
    "dir/*",
    "dir/**",
    "**/a",
    "sub/*",
    "foo*",
    "[a-c]*",
    "!a",
    "dir/",
  ),
  fc.constantFrom('"x y"', '"\\303\\251"', "é", '"a', "\\[z]", "*.C", "Foo/**", "/dir/sub/x?y"),
);
const assignment = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom("text", "-text", "!text", "text=auto", "eol=lf", "diff", "-diff", "diff=java"),
  },
  { weight: 3, arbitrary: fc.constantFrom("binary", "-binary", "!binary", "mac", "-mac", "!diff", "other", "!mac") },
  { weight: 1, arbitrary: fc.constantFrom("bad/name", "-", "x=", "x=a=b", "-x=y", "text=été") },
);
const line = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(pattern, fc.array(assignment, { maxLength: 4 })) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constantFrom("[attr]mac", "[attr]binary", "[attr]-x"),
      fc.array(assignment, { maxLength: 3 }),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("#", "# text", ""), fc.array(assignment, { maxLength: 1 })) },
);
const file = fc
  .tuple(
    fc.constantFrom("", "", "", "\ufeff"),
    fc.array(line, { minLength: 1, maxLength: 5 }),
    fc.constantFrom(" ", "\t", "  "),
    fc.constantFrom("\n", "\r\n", "\n  "),
  )
  .map(([mark, lines, blank, end]) => mark + lines.map(([first, rest]) => [first, ...rest].join(blank)).join(end));

t.test("attributes are what `git check-attr --all` says", async (t) => {
  const repo = createRepo(t);
  for (const path of PATHS) if (!DIRECTORIES.includes(path)) repo.write(path, "");
  const userFile = join(repo.root, ".git/user-attributes");
  repo.git("config", "core.attributesFile", userFile);
  const places = [...DIRECTORIES.map((directory) => join(repo.root, directory, ".gitattributes"))];
  places.push(join(repo.root, ".git/info/attributes"), userFile);
  const input = fc.record({
    files: fc.array(fc.option(file, { nil: undefined }), { minLength: places.length, maxLength: places.length }),
    ignoreCase: fc.boolean(),
  });
  const property = fc.asyncProperty(input, async ({ files, ignoreCase }) => {
    for (const [at, place] of places.entries()) {
      const content = files[at];
      if (content === undefined) rmSync(place, { force: true });
      else writeFileSync(place, content);
    }
    repo.git("config", "core.ignoreCase", String(ignoreCase));
    const ours = new AttributeFiles({
      root: repo.root,
      ignoreCase,
      infoFile: join(repo.root, ".git/info/attributes"),
      outerFiles: [userFile],
      indexContent: () => undefined,
    });
    const bytes = PATHS.map((path) => Buffer.from(path).toString("latin1"));
    const found = bytes.map((path) => [...ours.of(path)].map(([name, value]) => `${name}: ${spoken(value)}`).sort());
    const expected = askGit(repo.root, PATHS);
    for (const [at, path] of PATHS.entries()) {
      const wanted = expected.get(path) ?? [];
      if (JSON.stringify(found[at]) !== JSON.stringify(wanted)) {
        throw new Error(`${path}: ${JSON.stringify(found[at])}, and git says ${JSON.stringify(wanted)}`);
      }
    }
  });
  await fc.assert(property, { numRuns: 120 });
  t.pass(`seed ${SEED}`);
});

t.test("a deleted attributes file counts as the index has it", async (t) => {
  const repo = createRepo(t, { ".gitattributes": "*.x -diff\n", "dir/.gitattributes": "*.y diff=java\n" });
  repo.remove(".gitattributes");
  repo.remove("dir");
  const repository = openRepository(repo.root);
  t.same(repository.attributes("a.x"), { binary: true });
  t.same(repository.attributes("dir/a.y"), { diffDriver: "java" });
  t.same(repository.attributes("a.y"), {});
  repo.write(".gitattributes", "*.x diff\n");
  t.same(repository.attributes("a.x"), { binary: true }, "until it is told of the change");
  repository.invalidate(["attributes"]);
  t.same(repository.attributes("a.x"), { binary: false });
});

function spoken(value: boolean | string): string {
  if (typeof value === "string") return value;
  return value ? "set" : "unset";
}

function askGit(root: string, paths: readonly string[]): Map<string, string[]> {
  const args = ["-C", root, "check-attr", "--stdin", "-z", "--all"];
  const output = execFileSync("git", args, {
    env: GIT_ENV,
    input: `${paths.join("\0")}\0`,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const words = output.toString("latin1").split("\0");
  const found = new Map<string, string[]>();
  for (let at = 0; at + 2 < words.length; at += 3) {
    const [path = "", name, value] = words.slice(at, at + 3);
    const text = Buffer.from(path, "latin1").toString();
    found.set(text, [...(found.get(text) ?? []), `${name}: ${value}`].sort());
  }
  return found;
}
