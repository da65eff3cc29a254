import { execFileSync } from "node:child_process";
import t from "tap";
import { compileWildmatch } from "../../../src/git/glob/wildmatch.js";
import fc from "../../support/fast-check.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);
const RUNS = 120;

/** Texts that git takes for names of tags. */
const TEXTS =
  "a b A aB ab a/b a/b/c a/x/b ab/c abc a-b a]b ]a -a! a_1 1 12 é éa/b B/a b/a/a aa/ab foo/bar foo/bar/baz foo/Bar foo".split(
    " ",
  );

const bracket = fc
  .tuple(
    fc.constantFrom("", "!", "^"),
    fc.array(
      fc.constantFrom(
        "a",
        "b",
        "A",
        "a-c",
        "A-Z",
        "]",
        "-",
        "/",
        "[:alpha:]",
        "[:upper:]",
        "[:digit:]",
        "[:no:]",
        "\\]",
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    fc.constantFrom("]", "]", "]", ""),
  )
  .map(([negation, parts, end]) => `[${negation}${parts.join("")}${end}`);
const piece = fc.oneof(
  fc.constantFrom("*", "?", "**", "/", "**/", "/**", "\\a", "\\*", "\\B", "***"),
  fc.constantFrom("a", "b", "A", "B", "ab", "/b", "foo", "foo/", "bar", "é", "1"),
  bracket,
);
const pattern = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(""));

for (const pathname of [false, true]) {
  t.test(
    `a glob matches what it matches for git, ${pathname ? "`*` stopping" : "`*` going on"} at slashes`,
    async (t) => {
      // A tag's name can't be a directory of another one's: each gets an end of its own kind.
      const texts = TEXTS.map((text) => `x${text}_`);
      const repo = createRepo(t, { file: "1\n" });
      const oid = repo.git("rev-parse", "HEAD");
      const input = texts.map((text) => `create refs/tags/${text} ${oid}\n`).join("");
      execFileSync("git", ["-C", repo.root, "update-ref", "--stdin"], { env: GIT_ENV, input });
      repo.git("pack-refs", "--all");
      let matches = 0;
      const property = fc.property(pattern, fc.boolean(), (middle, ignoreCase) => {
        const glob = `x${middle}_`;
        const folds = ignoreCase ? ["--ignore-case"] : [];
        const args = pathname
          ? ["for-each-ref", ...folds, "--format=%(refname:strip=2)", `refs/tags/${glob}`]
          : ["tag", "-l", ...folds, "--", glob];
        const found = repo
          .git(...args)
          .split("\n")
          .filter(Boolean);
        const compiled = compileWildmatch(Buffer.from(glob).toString("latin1"), { pathname, ignoreCase });
        const ours = texts.filter((text) => compiled(Buffer.from(text).toString("latin1")));
        matches += ours.length;
        if (found.sort().join(" ") !== ours.sort().join(" ")) throw new Error(`${ours}, and for git ${found}`);
      });
      fc.assert(property, { numRuns: RUNS, seed: SEED });
      t.ok(matches > RUNS / 5, `${matches} matches, seed ${SEED}`);
    },
  );
}

t.test("a glob with many stars costs no more than its length times the text's", async (t) => {
  const matches = compileWildmatch(`${"a*".repeat(200)}b`, { pathname: false, ignoreCase: false });
  // Every way to share the letters out among the stars would be 10 to the power of 100.
  t.notOk(matches("a".repeat(2000)));
  t.ok(matches(`${"a".repeat(2000)}b`));
});
