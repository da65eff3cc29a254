import fc from "../support/fast-check.js";
import { type Entry, EXECUTABLE, FILE, LINK, SUBMODULE, type Tree } from "./trees.js";

const PATHS = [
  ...["a", "b", "Makefile", "dir/a", "dir/b c", "dir/deep/a", "dir/deep/x.txt", "other/x.txt", "z/Makefile", "dir-a"],
  ...['quo"te', "tab\there", "line\nfeed", "back\\slash", "sp ace", "\xc3\xa9t\xc3\xa9 b", "\xff", "\x01\x7f\r\b"],
  ...["-dash", "'", "$(x)", "\x07\x0b\x0c", "a b/\xc3\xbc"],
];
const LINES = ["{", "}", "", "  return;", "int main(void)", "class A {", "\tx", "\xe9", "\xc3\xa9", "long ".repeat(30)];

const bytes = (text: string) => Buffer.from(text, "latin1");

const text = fc
  .tuple(fc.array(fc.constantFrom(...LINES), { maxLength: 40 }), fc.constantFrom("\n", "\r\n"), fc.boolean())
  .map(([lines, lineFeed, ended]) => bytes(lines.join(lineFeed) + (ended && lines.length > 0 ? lineFeed : "")));
const binary = fc.tuple(text, fc.nat({ max: 300 })).map(([content, at]) => {
  return Buffer.concat([content.subarray(0, at), bytes("\0"), content.subarray(at)]);
});
const farNul = text.map((content) => Buffer.concat([bytes("x\n".repeat(4000)), bytes("\0\n"), content]));

const regularFile: fc.Arbitrary<Entry> = fc.record({
  mode: fc.constantFrom(FILE, FILE, FILE, EXECUTABLE),
  content: fc.oneof(
    { weight: 10, arbitrary: text },
    { weight: 2, arbitrary: binary },
    { weight: 1, arbitrary: farNul },
  ),
});
const link = fc
  .constantFrom("a", "../dir/b", "nowhere\n", "\xff")
  .map((target) => ({ mode: LINK, content: bytes(target) }));
const submodule = fc.constantFrom("1", "2").map((digit) => ({ mode: SUBMODULE, content: bytes(digit.repeat(40)) }));
const entry = fc.oneof(
  { weight: 12, arbitrary: regularFile },
  { weight: 1, arbitrary: link },
  { weight: 1, arbitrary: submodule },
);

const edit = fc.record({
  kind: fc.constantFrom("delete", "replace", "mode", "append", "cut", "rename", "renameAndAppend", "renameAndCut"),
  which: fc.nat(),
  path: fc.constantFrom(...PATHS),
  entry,
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

/** Two trees, the second made from the first by edits; and the paths may be any bytes that git takes. */
export const treePair: fc.Arbitrary<[before: Tree, after: Tree]> = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...PATHS), entry), { maxLength: 10 }),
    fc.array(edit, { minLength: 1, maxLength: 8 }),
  )
  .map(([entries, edits]) => {
    const before = new Map(entries);
    const after = new Map(before);
    for (const change of edits) apply(after, change);
    return [withoutClashes(before), withoutClashes(after)];
  });

function apply(tree: Map<string, Entry>, { kind, which, path, entry: given }: Edit): void {
  const [chosen = path] = [...tree.keys()].slice(which % Math.max(1, tree.size));
  const old = tree.get(chosen) ?? given;
  const { mode, content } = old;
  const isFile = mode === FILE || mode === EXECUTABLE;
  const edited = {
    replace: given,
    mode: isFile ? { mode: mode === FILE ? EXECUTABLE : FILE, content } : given,
    append: isFile ? { mode, content: Buffer.concat([content, given.content]) } : given,
    cut: isFile ? { mode, content: content.subarray(which % 50) } : given,
  };
  if (kind === "delete" || kind.startsWith("rename")) tree.delete(chosen);
  if (kind === "rename") tree.set(path, old);
  else if (kind === "renameAndAppend") tree.set(path, edited.append);
  else if (kind === "renameAndCut") tree.set(path, edited.cut);
  else if (kind !== "delete") tree.set(chosen, edited[kind as keyof typeof edited]);
}

/** A path can't be a file and a directory. */
function withoutClashes(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => ![...tree.keys()].some((other) => other.startsWith(`${path}/`))));
}
