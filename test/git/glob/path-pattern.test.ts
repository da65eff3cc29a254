import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { compilePathPattern } from "../../../src/git/glob/path-pattern.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

const FLAGS: [line: string, flags: { negated?: true; directoryOnly?: true; anywhere?: true }][] = [
  ["a", { anywhere: true }],
  ["a*", { anywhere: true }],
  ["a/", { anywhere: true, directoryOnly: true }],
  ["!a", { anywhere: true, negated: true }],
  ["/a", {}],
  ["a/b", {}],
  ["!/a/", { negated: true, directoryOnly: true }],
  ["\\!a", { anywhere: true }],
];

t.test("a line says whether it is negated, for directories, or for names at any depth", async (t) => {
  for (const [line, flags] of FLAGS) {
    const { negated, directoryOnly, anywhere } = compilePathPattern(line, false);
    t.same(
      { negated, directoryOnly, anywhere },
      { negated: false, directoryOnly: false, anywhere: false, ...flags },
      line,
    );
  }
});

const LINES = "a /a a/b *.c *C a* a/* a/** **/b a/**/b a/b** A a/B ?.c [ab] dir/[!a] \\a x*y".split(" ");
const PATHS = "a b A a/b a/B a/b/c a/x/b a/bb x.c a.C dir/a dir/b xy xzy xyz dir/x.c".split(" ");

for (const ignoreCase of [false, true]) {
  t.test(`a pattern matches as git matches it, with core.ignoreCase=${ignoreCase}`, async (t) => {
    const repo = createRepo(t);
    repo.git("config", "core.ignoreCase", String(ignoreCase));
    for (const line of LINES) {
      writeFileSync(join(repo.root, ".git/info/exclude"), `${line}\n`);
      const args = ["-C", repo.root, "check-ignore", "--no-index", "--stdin", "-v", "-n"];
      const input = PATHS.join("\n");
      const run = (): Buffer => execFileSync("git", args, { env: GIT_ENV, input, stdio: ["pipe", "pipe", "ignore"] });
      let output: Buffer;
      try {
        output = run();
      } catch (thrown) {
        output = (thrown as { stdout: Buffer }).stdout; // status 1: none is ignored
      }
      const ignored = output
        .toString()
        .split("\n")
        .filter((text) => !text.startsWith("::"));
      const pattern = compilePathPattern(line, ignoreCase);
      const ours = PATHS.filter((path) => {
        // What is below an ignored directory is ignored with it.
        const above = path.split("/").map((_, at, names) => names.slice(0, at + 1).join("/"));
        return above.some((text) => pattern.matches(pattern.anywhere ? text.slice(text.lastIndexOf("/") + 1) : text));
      });
      t.same(ours, ignored.map((text) => text.split("\t")[1]).filter(Boolean), line);
    }
  });
}
