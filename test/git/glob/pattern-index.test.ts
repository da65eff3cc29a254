import t from "tap";
import { compilePathPattern, type PathPattern } from "../../../src/git/glob/path-pattern.js";
import { PatternIndex } from "../../../src/git/glob/pattern-index.js";
import fc from "../../support/fast-check.js";

const atom = fc.constantFrom("a", "b", "A", "ab", ".c", "*", "?", "**", "/", "[ab]", "[!a]", "\\a", "\\*", "-");
const line = fc.array(atom, { minLength: 1, maxLength: 5 }).map((atoms) => atoms.join(""));
const name = fc
  .array(fc.constantFrom("a", "b", "A", "ab", ".c", "*", "-"), { minLength: 1, maxLength: 4 })
  .map((atoms) => atoms.join(""));
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));

function split(path: string): [prefix: string, name: string] {
  const at = path.lastIndexOf("/") + 1;
  return [path.slice(0, at), path.slice(at)];
}

t.test("what is found among many patterns is what trying one after the other finds", async (t) => {
  const lines = fc.array(line, { maxLength: 12 });
  const property = fc.property(lines, fc.array(path, { minLength: 1 }), fc.boolean(), (lines, paths, ignoreCase) => {
    const patterns = lines.map((text) => compilePathPattern(text, ignoreCase));
    const index = new PatternIndex(ignoreCase);
    for (const [number, pattern] of patterns.entries()) index.add(pattern, number);
    for (const path of paths) {
      const [prefix, name] = split(path);
      const matching = [...patterns.keys()].filter((number) => {
        const pattern = patterns[number];
        return pattern?.matches(pattern.anywhere ? name : path);
      });
      const found = { all: index.all(prefix, name), last: index.last(prefix, name) };
      const expected = { all: matching.toReversed(), last: matching.at(-1) ?? -1 };
      if (JSON.stringify(found) !== JSON.stringify(expected)) {
        throw new Error(`${path}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
      }
    }
  });
  fc.assert(property, { numRuns: 2000 });
  t.pass();
});

t.test("of ten thousand patterns only those are tried that begin as the path does", async (t) => {
  const kinds = [(at: number) => `name-${at}`, (at: number) => `/dir/name-${at}`, (at: number) => `*.ext${at}`];
  const globs = [(at: number) => `${at}-*-x`, (at: number) => `dir/${at}/*.o`, (at: number) => `dir/n[0-9]${at}`];
  const index = new PatternIndex(false);
  let tried = 0;
  const counted = (pattern: PathPattern): PathPattern => ({
    ...pattern,
    matches: (text) => {
      tried += 1;
      return pattern.matches(text);
    },
  });
  let number = 0;
  for (let at = 0; at < 2000; at++) {
    for (const lineOf of [...kinds, ...globs.slice(0, 2)]) {
      index.add(counted(compilePathPattern(lineOf(at), false)), number);
      number += 1;
    }
  }
  t.strictSame(index.all("dir/17/", "a.o"), [17 * 5 + 4]);
  t.strictSame(index.all("dir/", "name-1999"), [1999 * 5 + 1, 1999 * 5]);
  t.equal(index.last("", "5-more-x"), 5 * 5 + 3);
  t.equal(index.last("other/", "x.ext12"), 12 * 5 + 2);
  t.equal(index.last("other/", "nothing"), -1);
  t.equal(tried, 2);
});
