import t from "tap";
import { comparisonWord, parseComparisonRequest } from "../../src/protocol/index.js";

t.test("a request is one of four words, with a name that can be a ref", async (t) => {
  t.same(parseComparisonRequest("ref:origin/main"), { kind: "ref", name: "origin/main" });
  t.same(parseComparisonRequest("commit:ABCDEF0"), { kind: "commit", oid: "abcdef0" });
  for (const text of [
    "",
    "HEAD",
    "ref:",
    "ref:a..b",
    "ref:a b",
    "ref:-a",
    "ref:a/",
    "ref:/a",
    "ref:a.lock",
    "ref:a@{1}",
  ]) {
    t.equal(parseComparisonRequest(text), undefined, text);
  }
  for (const text of ["ref:../../etc/passwd", "ref:a/./b", "ref:a^", "ref:a\n", "commit:xyz", "commit:abc", "base "]) {
    t.equal(parseComparisonRequest(text), undefined, JSON.stringify(text));
  }
});

t.test("a request is written as it is read", async (t) => {
  for (const text of ["head", "base", "ref:origin/main", "commit:abcdef0"]) {
    const request = parseComparisonRequest(text);
    t.equal(request && comparisonWord(request), text);
  }
});
