import t from "tap";
import { NamedPaths } from "../../../src/worktree/follow/named-paths.js";
import { fileOf } from "../../support/states.js";

const before = [fileOf("t:a/b/f"), fileOf("t:g")];
const after = [fileOf("t:a/b/f", "other"), fileOf("t:g", "other"), fileOf("u:new")];

t.test("what differs although no event named it, or a directory above it, is missing", async (t) => {
  const named = new NamedPaths();
  t.strictSame(named.missing(before, after), ["a/b/f", "g", "new"]);
  t.strictSame(named.missing(before, before), []);
  named.add("a");
  named.add("new");
  t.strictSame(named.missing(before, after), ["g"]);
  named.add("");
  t.strictSame(named.missing(before, after), []);
});

t.test("an event of the repository's own files explains any change", async (t) => {
  const named = new NamedPaths();
  named.addRepository();
  t.strictSame(named.missing(before, after), []);
});
