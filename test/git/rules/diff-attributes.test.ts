import t from "tap";
import { Config } from "../../../src/git/config/config.js";
import { parseConfig } from "../../../src/git/config/syntax.js";
import { BUILT_IN_DRIVERS, diffAttributes } from "../../../src/git/rules/diff-attributes.js";

const config = (text: string): Config => new Config(parseConfig(text));

t.test("the attribute alone decides when it is set or unset", async (t) => {
  const settings = config('[diff "default"]\nbinary = true\n');
  t.same(diffAttributes(true, settings), { binary: false });
  t.same(diffAttributes(false, settings), { binary: true });
  t.same(diffAttributes(undefined, settings), { binary: true }, "the default driver holds for the others");
});

t.test("a driver's settings hold for the files that name it", async (t) => {
  const settings = config(
    '[diff "foo"]\nbinary\nfuncname = a\nxfuncname = b\n[diff "java"]\nxfuncname = c\nfuncname = d\n',
  );
  t.same(diffAttributes("foo", settings), {
    diffDriver: "foo",
    binary: true,
    functionPattern: { setting: "diff.foo.xfuncname", text: "b", syntax: "extended" },
  });
  t.same(
    diffAttributes("java", settings).functionPattern,
    { setting: "diff.java.funcname", text: "d", syntax: "basic" },
    "the pattern that comes last",
  );
  t.same(diffAttributes("bar", settings), { diffDriver: "bar" });
});

t.test("a driver that nobody knows has the default driver's settings", async (t) => {
  const settings = config('[diff "default"]\nxfuncname = é\n');
  const functionPattern = { setting: "diff.default.xfuncname", text: "Ã©", syntax: "extended" };
  t.same(diffAttributes("bar", settings), { diffDriver: "bar", functionPattern });
  for (const diffDriver of BUILT_IN_DRIVERS) t.same(diffAttributes(diffDriver, settings), { diffDriver });
});
