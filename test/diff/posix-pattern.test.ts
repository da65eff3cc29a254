import t from "tap";
import { configuredPattern, type PatternSyntax, unifiedHunks } from "../../src/diff/index.js";
import fc from "../support/fast-check.js";
import { SEED } from "../support/random.js";
import { createRepo, type TestRepo } from "../support/repo.js";
import { type Entry, FILE, gitDiff, importTrees, ourDiff, type Tree } from "./trees.js";

/** Lines that patterns are tried on; one character per byte. */
const LINES = [
  ..."class A|  class B {|classdef c|def f(x):|  def g|fn h() {|pub fn i|sub j|func (k) L|type m struct".split("|"),
  ..."a|ab|aab|abab|ba|bbb|a.b|a*b|a+b|a{2}|(a)|[a]|a\\b|^a|a$|a-b|]a|_a9|A1_|9z".split("|"),
  ..."foo bar|foobar baz|foo  foo|bar foo|  |\t\ta|a\tb|x\r|  x  |\xe9t\xe9|\xff|# h|## h2|key: value|<tag>|a,b;c".split(
    "|",
  ),
];

function treesOf(): [Tree, Tree] {
  const body = (changed: string): Entry => {
    const text = LINES.map((line) => `${line}\n${"  1\n".repeat(8)}  ${changed}\n`).join("");
    return { mode: FILE, content: Buffer.from(text, "latin1") };
  };
  return [new Map([["f", body("2")]]), new Map([["f", body("3")]])];
}

const trees = treesOf();

function prepare(t: Parameters<typeof createRepo>[0]): { repo: TestRepo; commits: readonly string[] } {
  const repo = createRepo(t);
  repo.write(".gitattributes", "f diff=d\n");
  return { repo, commits: importTrees(repo.root, trees) };
}

/** What git prints, "refused" when it takes the pattern for invalid. */
function byGit(root: string, commits: readonly string[], text: string, syntax: PatternSyntax): string {
  const key = syntax === "extended" ? "xfuncname" : "funcname";
  try {
    return gitDiff(root, commits[0] ?? "", commits[1] ?? "", `diff.d.${key}=${text}`);
  } catch (thrown) {
    if (/Invalid regexp|must not be negated/.test(String(thrown))) return "refused";
    throw thrown;
  }
}

function byUs(text: string, syntax: PatternSyntax): string {
  try {
    const functionPattern = configuredPattern("d", Buffer.from(text).toString("latin1"), syntax);
    return ourDiff(...trees, { patch: () => ({ functionPattern }) });
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return "refused";
    throw thrown;
  }
}

const EXTENDED = [
  "^[ \t]*(class|def|fn)[ \t].*$",
  "^[ \t]*((pub )?fn.*)",
  "^(class|classdef|def)",
  "!^class\n^[a-z]+",
  "!^  \n!^a+$\n(f[a-z]*) ",
  "^#+ .*|^key",
  "[[:space:]]+([[:alpha:]_][[:alnum:]_]*)",
  "^[^]a]+",
  "^[]a[]",
  "[a-]b",
  "[[.a.]-[.c.]]+[[=b=]]",
  "^\\w+\\s\\S",
  "\\<foo\\>",
  "o\\b",
  "o\\B",
  "\\`a\\'",
  "(a|b)\\1",
  "a{2}",
  "a{1,}b?",
  "a{,2}b",
  "(ab){2}",
  "a**b+?",
  "a\\{2\\}",
  "a\\.b|a\\*b|a\\+b",
  "\\(a\\)",
  "a)",
  "()",
  "a||b",
  "(|foo)bar",
  "",
  "é",
  "[é]",
  "\\d",
  ".",
  "^.$",
  "a$b",
  "a^b",
  "x$",
];
const BASIC = [
  "^[ \t]*\\(class\\|def\\).*$",
  "^[ \t]*\\(def\\|fn\\)",
  "a\\{2\\}",
  "a\\{1,\\}b",
  "a{2}",
  "(a)",
  "a+b",
  "a\\+b",
  "a*\\+b",
  "ab\\?$",
  "*a",
  "^*a",
  "\\(*a\\)",
  "a^",
  "\\(^a\\)",
  "a$\\|b$",
  "a\\|^b",
  "$a",
  "a*b",
  "\\(a\\)\\1",
  "[[:upper:]]",
];
const REFUSED = ["(a", "[a", "a{2", "a{2,1}", "a{x}", "a{99999}", "*a", "+", "?", "^*", "a|*b", "(+a)", "{2}", "a\\"];
const MORE_REFUSED = [
  "[z-a]",
  "[[:nope:]]",
  "\\1",
  "(a\\1)",
  "!a",
  "a\n!b",
  "[[=ab=]]",
  "[[=a=]-c]",
  "[a-[=c=]]",
  "a\\b+",
  "\\<*",
];
const REFUSED_BASIC = ["a**", "a\\{2\\}*", "\\(a", "a\\)", "a\\{2", "a\\{2}", "\\{2\\}", "a\\", "\\(a\\|\\{2\\}\\)"];

t.test("function-name patterns of the configuration match as in git", async (t) => {
  const { repo, commits } = prepare(t);
  for (const [syntax, patterns] of [
    ["extended", EXTENDED],
    ["basic", BASIC],
  ] as const) {
    for (const text of patterns) {
      const expected = byGit(repo.root, commits, text, syntax);
      t.not(expected, "refused", `git takes ${text}`);
      t.equal(byUs(text, syntax), expected, `${syntax}: ${text}`);
    }
  }
});

t.test("what git refuses is refused", async (t) => {
  const { repo, commits } = prepare(t);
  for (const [syntax, patterns] of [
    ["extended", [...REFUSED, ...MORE_REFUSED]],
    ["basic", REFUSED_BASIC],
  ] as const) {
    for (const text of patterns) {
      t.equal(byGit(repo.root, commits, text, syntax), "refused", `git refuses ${text}`);
      t.equal(byUs(text, syntax), "refused", `${syntax}: ${text}`);
    }
  }
});

const atom = fc.constantFrom(
  ..."a b c x ^ $ . .* [a-c] [^a] [[:alpha:]] foo \\w \\. \\( ( ) | * + ? {2} {1,2} ! [ ] \\".split(" "),
);
const soup = fc.array(atom, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
const head = fc
  .tuple(
    fc.constantFrom("", "^", "^[ \t]*", "!"),
    fc.array(fc.constantFrom("class", "def", "fn", "func", "a", "ab", "foo", "foobar", "key"), {
      minLength: 1,
      maxLength: 4,
    }),
    fc.constantFrom("", "[ \t].*", ".*$", "[^;]*$", "[ \t]+[a-zA-Z_]\\w*", "$"),
    fc.boolean(),
  )
  .map(
    ([start, words, end, whole]) =>
      `${start}(${whole ? `(${words.join("|")})${end}` : `${words.join("|")})${end}`}${whole ? ")" : ""}`,
  );
const pattern = fc.array(fc.oneof(soup, head, head), { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n"));

t.test("whatever the pattern", async (t) => {
  const { repo, commits } = prepare(t);
  let refused = 0;
  const property = fc.property(
    pattern,
    fc.constantFrom<PatternSyntax>("extended", "extended", "basic"),
    (text, syntax) => {
      const expected = byGit(repo.root, commits, text, syntax);
      if (expected === "refused") refused += 1;
      const found = byUs(text, syntax);
      if (found !== expected)
        throw new Error(`${syntax} ${JSON.stringify(text)}\ngit:\n${expected}\ntreewire:\n${found}`);
    },
  );
  fc.assert(property, { numRuns: 200 });
  t.ok(refused < 150, `${refused} of 200 refused, seed ${SEED}`);
});

t.test("a pattern that can take the same text in very many ways is done in time", async (t) => {
  const repeated = (text: string) => Buffer.from(text.repeat(50_000));
  const patterns = [
    ...["(a*)*b", "(a|a)*b", "(a|aa)+$", "([a-z]+)*9", "((a*)*)*x", "(a+a+)+x", "a*a*a*a*a*a*x", "(.*)(.*)(.*)x"],
    ...["(a*)*\\1b", "(.*)(.*)(.*)\\3\\2\\1b", "((a{1,99}){1,99})b"],
  ];
  for (const text of patterns) {
    const { match } = configuredPattern("d", text, "extended");
    t.equal(match(Buffer.concat([repeated("a"), Buffer.from("c")])), undefined, text);
  }
  const found = configuredPattern("d", "^(a*)*(b)", "extended").match(Buffer.concat([repeated("a"), Buffer.from("b")]));
  t.equal(found?.length, 50_000, "what matches is found behind any number of them");

  const line = `${"a".repeat(2000)}!\n`;
  const before = Buffer.from(line.repeat(500));
  const functionPattern = configuredPattern("d", "^(([a-z])+.)+[A-Z]([a-z])+$", "extended");
  const hunks = unifiedHunks(before, Buffer.concat([before, Buffer.from("x\n")]), { functionPattern });
  t.match(Buffer.from(hunks).toString(), /^@@ -498,3 \+498,4 @@\n/);
});

t.test("repetitions of repetitions are refused before they fill the memory", async (t) => {
  for (const text of ["((((a{999}){999}){999}){999})", "(a{0,32767}){32767}"]) {
    t.throws(() => configuredPattern("d", text, "extended"), { name: "SyntaxError", message: "too big" }, text);
  }
  t.ok(configuredPattern("d", "(((){9999}){9999}){9999}", "extended"), "as often as one likes, nothing is nothing");
});
