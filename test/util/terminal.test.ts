import t from "tap";
import { colorsFor, paintDiff, printable } from "../../src/util/index.js";

const bold = (text: string) => `\x1b[1m${text}\x1b[22m`;
const red = (text: string) => `\x1b[31m${text}\x1b[39m`;
const green = (text: string) => `\x1b[32m${text}\x1b[39m`;
const cyan = (text: string) => `\x1b[36m${text}\x1b[39m`;

t.test("colours are for terminals that want them", async (t) => {
  const coloured = (isTTY: boolean, env: NodeJS.ProcessEnv) => colorsFor({ isTTY }, env).isColorSupported;
  t.equal(coloured(true, { TERM: "xterm" }), true);
  t.equal(coloured(false, { TERM: "xterm" }), false);
  t.equal(coloured(true, { TERM: "xterm", NO_COLOR: "1" }), false);
  t.equal(coloured(true, { TERM: "xterm", NO_COLOR: "" }), true);
  t.equal(coloured(true, { TERM: "dumb" }), false);
});

t.test("a diff is coloured as git does it, whatever the lines of a hunk look like", async (t) => {
  const diff = [
    "diff --git a/x b/x",
    "--- a/x",
    "+++ b/x",
    "@@ -1,2 +1,2 @@ head",
    " same",
    "--- was a rule",
    "+++ is a rule",
    "\\ No newline at end of file",
    "diff --git a/y b/y",
    "new file mode 100644",
    "",
  ];
  const painted = paintDiff(diff.join("\n"), colorsFor({ isTTY: true }, {}));
  t.same(painted.split("\n"), [
    bold("diff --git a/x b/x"),
    bold("--- a/x"),
    bold("+++ b/x"),
    `${cyan("@@ -1,2 +1,2 @@")} head`,
    " same",
    red("--- was a rule"),
    green("+++ is a rule"),
    "\\ No newline at end of file",
    bold("diff --git a/y b/y"),
    bold("new file mode 100644"),
    "",
  ]);
});

t.test("a file's control characters do not reach the terminal", async (t) => {
  t.equal(printable("a\tb\x1b[31m\r\n\x7f\x9b\u00e9"), "a\tb^[[31m^M\n^?<9b>\u00e9");
  t.equal(
    paintDiff("@@ -1 +1 @@\n+\x1b]0;title\x07\n", colorsFor({ isTTY: false }, {})),
    "@@ -1 +1 @@\n+^[]0;title^G\n",
  );
});
