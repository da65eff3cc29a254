import t, { type Test } from "tap";
import { detectRenames, exactRenames } from "../../src/diff/index.js";
import { Random, SEED } from "../support/random.js";
import { createRepo } from "../support/repo.js";
import { type Entry, EXECUTABLE, FILE, gitDiff, importTrees, LINK, ourDiff, sideOf, type Tree } from "./trees.js";

const file = (content: string, mode = FILE): Entry => ({ mode, content: Buffer.from(content, "latin1") });
const tree = (entries: Record<string, Entry>): Tree => new Map(Object.entries(entries));
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `line number ${from + i}\n`).join("");

/** Holds our patch of each pair of trees against git's. @returns the renames that git shows, `from > to` */
function sameAsGit(t: Test, pairs: readonly [Tree, Tree][], limit?: number): string[][] {
  const { root } = createRepo(t);
  const names = importTrees(root, pairs.flat());
  return pairs.map(([before, after], i) => {
    const [one = "", other = ""] = names.slice(2 * i);
    const expected = gitDiff(root, one, other, ...(limit === undefined ? [] : [`diff.renameLimit=${limit}`]));
    t.equal(ourDiff(before, after, limit === undefined ? {} : { limit }), expected);
    return [...expected.matchAll(/^rename from (.*)\nrename to (.*)$/gm)].map(([, from, to]) => `${from} > ${to}`);
  });
}

const text = file(numbered(0, 40));

t.test("a file of the same content is a rename, one of the same name before others", async (t) => {
  const before = tree({ a: text, "b/same": text, "z/last": text });
  t.same(sameAsGit(t, [[before, tree({ "new/same": text })]]), [["b/same > new/same"]]);
  t.same(sameAsGit(t, [[before, tree({ other: text, others: text })]]), [["a > other", "b/same > others"]]);
});

t.test("an exact rename may change the mode; of links and submodules it may not", async (t) => {
  t.same(sameAsGit(t, [[tree({ a: text }), tree({ b: file(numbered(0, 40), EXECUTABLE) })]]), [["a > b"]]);
  t.same(sameAsGit(t, [[tree({ a: file("x", LINK) }), tree({ b: file("x", LINK) })]]), [["a > b"]]);
  t.same(sameAsGit(t, [[tree({ a: file("x", LINK) }), tree({ b: file("x") })]]), [[]]);
});

t.test("empty files are renamed by their id alone", async (t) => {
  t.same(sameAsGit(t, [[tree({ a: file("") }), tree({ b: file("") })]]), [["a > b"]]);
  t.same(sameAsGit(t, [[tree({ a: file("") }), tree({ b: file("x\n") })]]), [[]]);
});

t.test("of very many deleted files with one content, a hundred are looked at for the name", async (t) => {
  const copies = (count: number) =>
    tree({ ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`a/${1000 + i}`, text])), "b/name": text });
  t.same(sameAsGit(t, [[copies(99), tree({ "new/name": text })]]), [["b/name > new/name"]]);
  t.same(sameAsGit(t, [[copies(100), tree({ "new/name": text })]]), [["a/1000 > new/name"]]);
});

t.test("half of the larger file's bytes in common is enough, less is not", async (t) => {
  const half = (other: number) => file(numbered(0, 20) + "x".repeat(other));
  const pairs = [200, 287, 288, 289, 290, 291, 292, 400].map((size): [Tree, Tree] => [
    tree({ a: file(numbered(0, 20)) }),
    tree({ b: half(size) }),
  ]);
  const counts = sameAsGit(t, pairs).map(({ length }) => length);
  t.same([counts[0], counts.at(-1)], [1, 0]);
});

t.test("files that alone have their name come first, if three quarters are alike", async (t) => {
  const before = tree({ "old/name": text, other: file(numbered(0, 36)) });
  const most = file(`${numbered(0, 36)}x\n`);
  t.same(sameAsGit(t, [[before, tree({ "new/name": most })]]), [["old/name > new/name"]]);
  const little = file(numbered(0, 26));
  t.same(sameAsGit(t, [[before, tree({ "new/name": little })]]), [["other > new/name"]]);
});

t.test("the most similar pair comes first, then the next that are still free", async (t) => {
  const before = tree({ a: file(numbered(0, 40)), b: file(numbered(0, 50)), c: file(numbered(0, 60)) });
  const after = tree({ x: file(numbered(1, 50)), y: file(numbered(1, 48)), z: file(numbered(1, 61)) });
  t.same(sameAsGit(t, [[before, after]]), [["b > x", "a > y", "c > z"]]);
});

t.test("over the limit only exact renames and those of the same name are found", async (t) => {
  const before = tree({ a: text, b: file(numbered(50, 90)), "c/same": file(numbered(100, 140)) });
  const after = tree({
    x: file(`${numbered(0, 40)}x\n`),
    y: file(`${numbered(50, 90)}x\n`),
    "d/same": file(`${numbered(100, 140)}x\n`),
  });
  t.same(sameAsGit(t, [[before, after]], 2), [["c/same > d/same", "a > x", "b > y"]]);
  t.same(sameAsGit(t, [[before, after]], 1), [["c/same > d/same"]]);
  t.equal(sameAsGit(t, [[before, after]], 0)[0]?.length, 3, "0: no limit");
});

t.test("carriage returns before line feeds count for nothing in text, and count in binary files", async (t) => {
  const crlf = (content: string) => content.replaceAll("\n", "\r\n");
  const short = numbered(0, 30).replaceAll("line number ", "");
  t.same(sameAsGit(t, [[tree({ a: file(short) }), tree({ b: file(crlf(short)) })]]), [["a > b"]]);
  t.same(sameAsGit(t, [[tree({ a: file(`\0${short}`) }), tree({ b: file(`\0${crlf(short)}`) })]]), [[]]);
});

t.test("any sets of deletions and additions are paired as git pairs them", async (t) => {
  const pairs = Array.from({ length: 80 }, (_, at) => similarTrees(new Random(SEED + at)));
  const renames = sameAsGit(t, pairs).flat();
  t.ok(renames.length > 300, `${renames.length} renames`);
});

/** Trees of files that are made of the same few parts, so that there are near misses and ties. */
function similarTrees(random: Random): [Tree, Tree] {
  const parts = Array.from({ length: 3 + random.below(12) }, (_, i) =>
    random.chance(0.1)
      ? String.fromCharCode(...Array.from({ length: 200 }, () => random.below(256)))
      : numbered(i * 100, i * 100 + random.small(1, 12)) + (random.chance(0.2) ? "without an end" : ""),
  );
  const content = () => Array.from({ length: random.small(1, 8) }, () => random.pick(parts)).join("");
  const names = ["index.js", "a", "b", "c", "README", "x y"];
  const make = (top: string) => {
    const entries = Array.from({ length: random.small(1, 40) }, (): [string, Entry] => [
      `${top}${random.below(12)}/${random.pick(names)}`,
      file(content(), random.chance(0.1) ? random.pick([EXECUTABLE, LINK]) : FILE),
    ]);
    return new Map(entries);
  };
  const before = make("old");
  const after = make("new");
  for (const [path, { mode, content: old }] of before) {
    if (!random.chance(0.5)) continue;
    const added = random.chance(0.3) ? "" : content();
    const target = random.chance(0.5) ? path.replace("old", "new") : `new/${path}`;
    after.set(target, { mode, content: Buffer.concat([old, Buffer.from(added, "latin1")]) });
  }
  return [before, after];
}

t.test("exact renames read no content", async (t) => {
  const unread = (path: string) => ({
    ...sideOf(path, text),
    content: () => {
      throw new Error(`${path} was read`);
    },
  });
  const from = unread("a");
  const to = unread("b");
  t.same(detectRenames([from], [to]), [{ from, to, similarity: 100 }]);
  t.same(
    exactRenames([from, unread("c")], [to]).deleted.map(({ path }) => path),
    ["c"],
    "and what is left is named",
  );
  t.throws(() => detectRenames([unread("a")], [{ ...unread("b"), oid: "0" }]), { message: "a was read" });
});
