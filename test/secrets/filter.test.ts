import * as diff2html from "diff2html";
import * as gitdiffModule from "gitdiff-parser";
import parseDiff from "parse-diff";
import t from "tap";
import { diffFiles, mergeFiles, type TreeFile, unifiedDiff } from "../../src/protocol/index.js";
import fc from "../support/fast-check.js";
import { SEED } from "../support/random.js";
import { filtered, IDS, newFilter, patchOf } from "./filters.js";
import { privateKey, samples } from "./samples.js";

// its types say `export default`, its code is CommonJS
const gitdiffParser = gitdiffModule.default as unknown as typeof gitdiffModule.default.default;

const [github, , server] = samples(SEED);
const TOKEN = github?.text ?? "";
const OTHER = github?.text.split("").reverse().join("").replace(/_phg$/, "") ?? "";

t.test("a file that is withheld has its header alone, which says nothing of its content", async (t) => {
  const left = filtered(patchOf("config/.env", ["-A=1", "+A=2"]));
  t.same(left, {
    key: "t:config/.env",
    path: "config/.env",
    header: `diff --git a/config/.env b/config/.env\nindex ${"0".repeat(40)}..${"0".repeat(40)} 100644\n--- a/config/.env\n+++ b/config/.env\n`,
    hunks: "",
    additions: 0,
    deletions: 0,
    omitted_bytes: 0,
    withheld: "path",
    withheld_rule: ".env",
  });
});

t.test("programs that read diffs list files that are withheld, and those behind them", async (t) => {
  const text = unifiedDiff(
    newFilter().update([
      patchOf(".env", ["+A=1"]),
      patchOf("b", [`+${TOKEN}`]),
      patchOf("id_rsa", ["-x"]),
      patchOf("z", ["+1"]),
    ]).files,
  );
  t.match(text, /\+\+\+ b\/\.env\nWithheld: looks like a secret\ndiff --git a\/b b\/b\n/);
  t.same(
    parseDiff(text).map(({ to }) => to),
    [".env", "b", "id_rsa", "z"],
  );
  t.same(
    gitdiffParser.parse(text).map(({ newPath }) => newPath),
    [".env", "b", "id_rsa", "z"],
  );
  t.same(
    diff2html.parse(text).map(({ newName }) => newName),
    [".env", "b", "id_rsa", "z"],
  );
});

t.test("a masked file's object ids are made up, each always in the same way, and zeros stay", async (t) => {
  const filter = newFilter();
  const idsOf = (file: TreeFile) =>
    /index (\S+)\.\.(\S+)/.exec(filter.update([file]).files[0]?.header ?? "")?.slice(1) ?? [];
  const masked = idsOf(patchOf("a", [`+${TOKEN}`]));
  t.notMatch(masked.join(), new RegExp(`${IDS.old}|${IDS.new}`));
  t.same(idsOf(patchOf("b", [`+${TOKEN}`])), masked);
  t.equal(masked[0]?.length, 40);
  const isNew = patchOf("c", [`+${TOKEN}`]);
  t.equal(idsOf({ ...isNew, header: isNew.header.replace(IDS.old, "0".repeat(40)) })[0], "0".repeat(40));
});

t.test("names are masked everywhere alike, and those that differ still do", async (t) => {
  const names = [`a-${TOKEN}.txt`, `a-ghp_${OTHER}.txt`, `b/${TOKEN}`];
  const { files } = newFilter().update(
    names.map((name) => patchOf(name, ["+x"])).sort((a, b) => (a.key < b.key ? -1 : 1)),
  );
  const paths = files.map(({ path }) => path);
  t.equal(new Set(paths).size, 3);
  t.ok(
    paths.every((path) => /ghp_\[withheld:github-token\](~2)?/.test(path)),
    paths.join(" "),
  );
  t.ok(files.every(({ key, path, header }) => key === `t:${path}` && header.includes(`+++ b/${path}\n`)));
  t.same(paths, paths.toSorted());
});

t.test("the content of a change of kind is withheld on both sides", async (t) => {
  const gone = patchOf("id_rsa", ["-a"]);
  const second = `diff --git a/id_rsa b/id_rsa\nnew file mode 120000\nindex ${"0".repeat(40)}..${IDS.new}\n--- /dev/null\n+++ b/id_rsa\n@@ -0,0 +1 @@\n+secret place\n`;
  const left = filtered({ ...gone, hunks: gone.hunks + second });
  t.equal(left.hunks, "");
  t.notMatch(left.header, /secret place|2222|1111/);
  t.match(left.header, /new file mode 120000/);
});

t.test("state after state, what leads to a list leads to it, and costs what changed", async () => {
  const names = ["a.ts", ".env", "conf.ini", `n-${TOKEN}`, `o-${server?.text}`, "z/id_rsa"];
  const contents = ["x", TOKEN, `password=q${SEED}w`, "y"];
  const list = fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...contents)), { selector: ([name]) => name })
    .map((files) =>
      files.map(([name, content]) => patchOf(name, [`+${content}`])).sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
  fc.assert(
    fc.property(fc.array(fc.tuple(list, fc.boolean()), { maxLength: 6 }), (states) => {
      const filter = newFilter();
      let given: readonly TreeFile[] = [];
      let before: readonly TreeFile[] = [];
      return states.every(([wanted, knowsChanges]) => {
        const changes = diffFiles(given, wanted);
        const next = mergeFiles(given, changes);
        const { files, changes: led } = filter.update(next, knowsChanges ? changes : undefined);
        const isLed = JSON.stringify(mergeFiles(before, led)) === JSON.stringify(files);
        const isSorted = files.every((file, at) => at === 0 || (files[at - 1]?.key ?? "") < file.key);
        const isSame = files.every((file) => led.get(file.key) === file || before.includes(file));
        const isFresh = JSON.stringify(newFilter().update(next).files) === JSON.stringify(files);
        given = next;
        before = files;
        return isLed && isSorted && isSame && isFresh && led.size <= 2 * changes.size && files.length === next.length;
      });
    }),
  );
});

t.test("an edit that nobody is shown changes nothing that is sent", async (t) => {
  const filter = newFilter();
  const { files } = filter.update([patchOf(".env", ["+A=1"])]);
  const next = filter.update([patchOf(".env", ["+A=22", "+B=1"])]);
  t.equal(next.changes.size, 0);
  t.equal(next.files, files);
});

t.test(
  "a private key in a text for people is masked as one in a file, whole or cut, and what is around it stays",
  (t) => {
    for (const kind of ["", "RSA", "EC"]) {
      const key = privateKey(7, kind);
      const text = ["a subject", "", ...key, "", "more words"].join("\n");
      const masked = newFilter().maskText(text);
      for (const line of key.slice(1, -1)) t.notOk(masked.includes(line), kind);
      t.match(masked, /^a subject\n/);
      t.match(masked, /more words$/);
      t.equal(masked.split("\n").length, text.split("\n").length);
      const cut = newFilter().maskText(["a subject", ...key.slice(0, 9)].join("\n"));
      for (const line of key.slice(1, 9)) t.notOk(cut.includes(line), `${kind}, cut`);
    }
    const lines = privateKey(7, "");
    const allowing = newFilter({ allow: ["**"] }).maskText(`words\n${lines.join("\n")}`);
    for (const line of lines.slice(1, -1)) t.notOk(allowing.includes(line), "no list of paths is about it");
    const ours = privateKey(8, "EC");
    for (const text of [ours.join(" "), ["fix", ours.slice(5).join("\n")].join("\n\n"), ours.join("\n\n")]) {
      const hidden = newFilter().maskText(text);
      for (const line of ours.slice(5, -1)) t.notOk(hidden.includes(line), "in one line, the end of one, with blanks");
    }
    const plain = "one\n\ntwo\n\n- three: a list\n- four\n";
    t.equal(newFilter().maskText(plain), plain);
    t.end();
  },
);
