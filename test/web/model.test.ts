import t from "tap";
import { type Block, blocksOf } from "../../src/web/model/blocks.js";
import { type Comment, Comments, linesOf, placeOfComment, promptOf } from "../../src/web/model/comments.js";
import { factsOf } from "../../src/web/model/file-facts.js";
import { GROUP_SIZE, type Grouped, regroup } from "../../src/web/model/grouping.js";
import { followRanges, freshRows } from "../../src/web/model/just-now.js";
import { commonRows, followRow, rowsOf } from "../../src/web/model/rows.js";
import { FileMarks, fingerprint, loadSettings, saveSettings } from "../../src/web/model/settings.js";
import { spansOf, spansWithin } from "../../src/web/model/tokens.js";
import { withoutWhitespace } from "../../src/web/model/whitespace.js";
import { changedWords } from "../../src/web/model/words.js";
import { keyOf, placeOf } from "../../src/web/place.js";
import fc from "../support/fast-check.js";
import { fileWith } from "./diffs.js";

const row = fc
  .tuple(fc.constantFrom(" ", "+", "-"), fc.constantFrom("a", "b", "", "c d"))
  .map((parts) => parts.join(""));
const rows = fc.array(row, { maxLength: 40 }).map((lines) => ["@@ -7,3 +9,3 @@ heading", ...lines]);

/** The rows that blocks stand for. */
function rowsFrom(blocks: readonly Block[]): string[] {
  const prefixed = (sign: string, text: string | undefined) => text?.split("\n").map((line) => sign + line) ?? [];
  return blocks.flatMap((block) => {
    if (block.kind === "hunk") return [`@@ -${block.oldStart},3 +${block.newStart},3 @@ ${block.heading}`];
    if (block.kind === "same") return prefixed(" ", block.lines.text);
    return [...prefixed("-", block.old?.text), ...prefixed("+", block.new?.text)];
  });
}

t.test("blocks are the rows, in order, with their numbers", async (t) => {
  fc.assert(
    fc.property(rows, (lines) => {
      const blocks = blocksOf(lines);
      t.same(rowsFrom(blocks), lines);
      let [old, added] = [7, 9];
      for (const block of blocks) {
        if (block.kind === "same") {
          if (block.oldStart !== old || block.lines.start !== added) return false;
          old += block.lines.count;
          added += block.lines.count;
        } else if (block.kind === "change") {
          if ((block.old?.start ?? old) !== old || (block.new?.start ?? added) !== added) return false;
          old += block.old?.count ?? 0;
          added += block.new?.count ?? 0;
        }
        if (lines[block.row] !== rowsFrom([block])[0]) return false;
      }
      return true;
    }),
  );
  const [, change] = blocksOf(["@@ -1 +1 @@", "-a", "\\ No newline at end of file", "+b"]);
  t.match(change, { old: { text: "a\nNo newline at end of file", lacksNewline: true }, new: { text: "b" } });
  const [, ...long] = blocksOf(["@@ -0,0 +1,1200 @@", ...new Array(1_200).fill("+x")]);
  t.same(
    long.map((block) => block.kind === "change" && block.new?.count),
    [500, 500, 200],
  );
});

t.test("a row is followed to where it stands in the next version", async (t) => {
  fc.assert(
    fc.property(rows, fc.nat(), fc.nat(), fc.array(row, { maxLength: 5 }), fc.nat(5), (before, a, b, put, gone) => {
      const at = a % before.length;
      const place = b % (before.length + 1);
      const after = [...before.slice(0, place), ...put, ...before.slice(place + gone)];
      const survives = at < place || at >= place + gone;
      if (!survives) return true;
      const found = followRow(before, after, at);
      const expected = at < place ? at : at + put.length - Math.min(gone, before.length - place);
      // rows that look alike may be taken for each other, others may not
      return after[found] === after[expected];
    }),
  );
  const { prefix, suffix } = commonRows(["@@ -1 +1 @@ f", " a"], ["@@ -8 +9 @@ f", " a"]);
  t.equal(prefix + suffix, 2, "the numbers of a hunk's head do not count");
});

t.test("what an edit has brought is fresh, and nothing else", async (t) => {
  const before = ["@@ -1,2 +1,2 @@", " a", "+b", " c"];
  t.same(freshRows(before, ["@@ -1,2 +1,3 @@", " a", "+b", "+new", " c"]), [{ from: 3, to: 4 }]);
  t.same(freshRows(before, ["@@ -1,2 +1,1 @@", " a", " c"]), []);
  t.same(freshRows(before, before), []);
  t.same(freshRows([], ["@@ -0,0 +1 @@", "+x", "+y"]), [{ from: 1, to: 3 }]);
  t.same(followRanges([{ from: 2, to: 3 }], before, ["@@ -1,2 +1,3 @@", "+new", " a", "+b", " c"]), [
    { from: 3, to: 4 },
  ]);
  fc.assert(
    fc.property(rows, rows, (one, two) =>
      freshRows(one, two).every(({ from, to }) => two.slice(from, to).every((line) => /^[+-]/.test(line))),
    ),
  );
});

t.test("words that differ are marked, and what is left is alike", async (t) => {
  const line = fc
    .array(fc.constantFrom("const", " ", "a", "b", "(", ")", "1"), { maxLength: 12 })
    .map((parts) => parts.join(""));
  const without = (text: string, spans: readonly { start: number; end: number }[]) =>
    spans.reduceRight((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text);
  fc.assert(
    fc.property(fc.array(fc.tuple(line, line), { minLength: 1, maxLength: 4 }), (pairs) => {
      const [old, added] = [pairs.map(([one]) => one).join("\n"), pairs.map(([, two]) => two).join("\n")];
      const spans = changedWords(old, added);
      const [a, b] = [without(old, spans.old).split("\n"), without(added, spans.new).split("\n")];
      return pairs.every(([one, two], at) => a[at] === b[at] || (a[at] === one && b[at] === two));
    }),
  );
  t.same(changedWords("return answer;", "return theAnswer;"), {
    old: [{ start: 7, end: 13 }],
    new: [{ start: 7, end: 16 }],
  });
  t.same(changedWords("one\ntwo", "other"), { old: [], new: [] }, "lines that are not pairs");
});

t.test("lines that differ in white space alone are shown as unchanged; nothing is lost", async (t) => {
  t.same(withoutWhitespace(["-  a", "+a", "-b", "+c"]), [" a", "-b", "+c"]);
  fc.assert(
    fc.property(rows, (lines) => {
      const side = (all: readonly string[], sign: string) =>
        all
          .filter((each) => each.startsWith(" ") || each.startsWith(sign))
          .map((each) => each.slice(1).replaceAll(/\s+/g, ""));
      const shown = withoutWhitespace(lines);
      t.same(side(shown, "+"), side(lines, "+"));
      t.same(side(shown, "-"), side(lines, "-"));
    }),
  );
});

t.test("a file's header is told in words", async (t) => {
  const facts = (header: string, key = "t:a") => factsOf({ ...fileWith("a", []), key, header, hunks: "" });
  t.match(facts("diff --git a/a b/a\nnew file mode 100755\n", "u:a"), {
    status: "added",
    notes: ["executable"],
    isUntracked: true,
  });
  t.match(facts("diff --git a/a b/a\ndeleted file mode 100644\n"), { status: "deleted" });
  t.match(facts('diff --git a/x b/a\nsimilarity index 90%\nrename from "a\\303\\274 \\"q\\""\nrename to a\n'), {
    status: "renamed",
    from: 'aü "q"',
  });
  t.match(facts("diff --git a/a b/a\nold mode 100644\nnew mode 100755\n"), {
    status: "modified",
    notes: ["mode 100644 → 100755"],
  });
  t.match(facts("diff --git a/a b/a\nindex 1..2 100644\nBinary files a/a and b/a differ\n"), {
    notes: ["binary file"],
  });
});

t.test("the marks of highlight.js are read without their HTML", async (t) => {
  const html =
    '<span class="hljs-keyword">const</span> a = <span class="hljs-string">&quot;&lt;b&gt;<span class="hljs-subst">#{x}</span>&quot;</span>';
  const spans = spansOf(html);
  const text = 'const a = "<b>#{x}"';
  t.same(
    spans.map(({ name, start, end }) => `${name} ${text.slice(start, end)}`),
    ["keyword const", 'string "<b>', 'string "'],
  );
  t.same(spansWithin(spans, 3, 12), [
    { name: "keyword", start: 0, end: 2 },
    { name: "string", start: 7, end: 9 },
  ]);
});

t.test("what turns the order of letters is spelled out", async (t) => {
  t.same(rowsOf("@@ -1 +1 @@\n+a\u202Eb\n"), ["@@ -1 +1 @@", "+a⟨U+202E⟩b"]);
  t.same(rowsOf(""), []);
});

const comment: Comment = {
  id: "1",
  root: "/r",
  key: "t:a",
  path: "a",
  side: "new",
  from: 10,
  to: 11,
  code: "x\ny",
  text: "why?",
};

t.test("a comment follows its lines, and is never moved to others", async (t) => {
  t.same(placeOfComment(comment, ["@@ -9,1 +9,3 @@", " w", "+x", "+y"]), { kind: "here", from: 10, to: 11 });
  t.same(placeOfComment(comment, ["@@ -9,1 +9,4 @@", " w", "+new", "+x", "+y"]), { kind: "here", from: 11, to: 12 });
  t.same(placeOfComment(comment, ["@@ -9,1 +9,3 @@", " w", "+x", "+z"]), { kind: "changed" });
  t.same(placeOfComment({ ...comment, side: "old" }, ["@@ -10,2 +10,1 @@", "-x", "-y"]), {
    kind: "here",
    from: 10,
    to: 11,
  });
  t.same(
    [...linesOf(["@@ -1,2 +5,2 @@", " a", "-b", "+c"], "old")],
    [
      [1, "a"],
      [2, "b"],
    ],
  );
  t.equal(
    promptOf([comment, { ...comment, to: 10, code: "x", side: "old", text: "gone?" }]),
    "a:10-11\n> x\n> y\n\nwhy?\n\na:10 (removed lines)\n> x\n\ngone?",
  );
});

t.test("what the browser keeps is believed only when it makes sense", async (t) => {
  const kept = new Map<string, string>();
  const place = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => void kept.set(name, text),
  };
  saveSettings(place, { split: true, whitespace: "hidden", follow: true });
  t.same(loadSettings(place), { split: true, whitespace: "hidden", follow: true });
  const marks = new FileMarks(place, "chat");
  marks.setViewed("a", fingerprint("text"));
  t.ok(new FileMarks(place, "chat").isViewed("a", fingerprint("text")));
  t.notOk(new FileMarks(place, "chat").isViewed("a", fingerprint("other")));
  new Comments(place, "chat").add(comment);
  t.same(new Comments(place, "chat").all, [comment]);
  for (const name of kept.keys()) {
    for (const nonsense of ["{", "7", "null", '{"viewed":[1],"collapsed":7}', '[{"id":1}]']) {
      kept.set(name, nonsense);
      t.equal(loadSettings(place).split, name === "treewire.settings" ? false : loadSettings(place).split);
      t.notOk(new FileMarks(place, "chat").isViewed("b", ""));
      t.same(
        new Comments(place, "chat").all.filter(({ id }) => id !== "1"),
        [],
      );
    }
  }
  const full = {
    getItem: () => {
      throw new Error("forbidden");
    },
    setItem: () => {
      throw new Error("full");
    },
  };
  const unkept = new FileMarks(full, "chat");
  unkept.setViewed("a", "1");
  t.ok(unkept.isViewed("a", "1"), "until the page is closed");
});

t.test("groups keep what they have, in order, and stay small", async (t) => {
  type Groups = Grouped<number, string>[];
  const lists = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { minLength: 0, maxLength: 300 }), {
    minLength: 2,
    maxLength: 5,
  });
  fc.assert(
    fc.property(lists, fc.boolean(), fc.integer({ min: 0, max: 400 }), (states, isSorted, held) => {
      let groups: { group: string; items: number[] }[] = [];
      for (const state of states) {
        const items = isSorted ? [...state].sort((a, b) => a - b) : state;
        const names = groups.map(({ group }) => group);
        const before = new Map(
          groups.flatMap(({ group, items: within }) => within.map((item) => [item, group] as const)),
        );
        const after: Groups = regroup(
          items,
          names,
          (item) => before.get(item),
          (item) => item === held,
        );
        t.same(
          after.flatMap(({ items: within }) => within),
          items,
        );
        const kept = after.flatMap(({ group }) => group ?? []);
        t.same(
          kept,
          names.filter((name) => kept.includes(name)),
          "in the order that they had, each once",
        );
        for (const { items: within } of after) t.ok(within.length > 0 && within.length <= 2 * GROUP_SIZE);
        const staysIn = after.find(({ items: within }) => within.includes(held))?.group;
        // of what is in order, nothing changes its group but for one that has grown too large, and never what is held
        if (isSorted && before.has(held) && items.includes(held)) t.equal(staysIn, before.get(held));
        const made = states.indexOf(state);
        groups = after.map(({ group, items: within }, at) => ({ group: group ?? `${made}.${at}`, items: within }));
      }
    }),
    { numRuns: 200 },
  );
});

t.test("one that has moved leaves the others where they are", async (t) => {
  const groups = ["a", "b", "c"];
  const groupOf = (item: string) => groups.find((group) => item.startsWith(group));
  const items = ["a1", "c9", "a2", "b1", "b2", "c1"];
  const after = regroup(items, groups, groupOf, () => false);
  t.same(after, [
    { group: "a", items: ["a1", "c9", "a2"] },
    { group: "b", items: ["b1", "b2"] },
    { group: "c", items: ["c1"] },
  ]);
});

t.test("the page knows from its address where the relay is, and what a link's key is", async (t) => {
  t.same(placeOf("https://example.com/"), { relay: new URL("https://example.com/"), chat: undefined });
  t.same(placeOf("https://example.com/base/view/c%20d?x#y"), {
    relay: new URL("https://example.com/base/"),
    chat: "c d",
  });
  t.same(placeOf("https://example.com/view/c/").relay.href, "https://example.com/");
  t.same(keyOf("#token=twc_1"), { token: "twc_1" });
  t.same(keyOf("#view-SECRET"), { invite: "SECRET" });
  for (const other of ["", "#", "#token=", "#other"]) t.equal(keyOf(other), undefined, other);
});
