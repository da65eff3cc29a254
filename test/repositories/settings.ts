import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestRepo } from "../support/repo.js";
import { tempDir } from "../support/temp.js";
import { type CaseGroup, lines, startRepo, stored, work, worked } from "./case.js";

/** What changes the looks of a diff. Everybody is shown the same, so none of it counts. */
const LOOKS: Readonly<Record<string, string>> = {
  "core.abbrev": "7",
  "core.quotePath": "false",
  "core.whitespace": "tab-in-indent",
  "color.ui": "always",
  "diff.algorithm": "patience",
  "diff.colorMoved": "zebra",
  "diff.context": "7",
  "diff.indentHeuristic": "false",
  "diff.interHunkContext": "30",
  "diff.mnemonicPrefix": "true",
  "diff.noprefix": "true",
  "diff.relative": "true",
  "diff.renames": "copies",
  "diff.submodule": "log",
  "diff.suppressBlankEmpty": "true",
  "diff.wordRegex": ".",
  "diff.wsErrorHighlight": "all",
};

const SOURCE = `head one\n${lines(9, " body")}head two\n${lines(9, " more")}`;
const CHANGED = SOURCE.replace(" body 7", " BODY seven").replace(" more 7", " MORE seven");

/** A file of each driver, changed under two heads. */
function withDriver(name: string, settings: Readonly<Record<string, string>>): CaseGroup["cases"][number] {
  return worked(name, { ".gitattributes": "*.foo diff=foo\n*.py diff=python\n" }, (repo) => {
    for (const path of ["x.foo", "x.py", "x"]) repo.write(path, SOURCE);
    repo.commit();
    for (const path of ["x.foo", "x.py", "x"]) repo.write(path, CHANGED);
    repo.write("new.foo", SOURCE);
    configure(repo, settings);
  });
}

function configure(repo: TestRepo, settings: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(settings)) repo.git("config", name, value);
}

const CRLF = lines(40).replaceAll("\n", "\r\n").replace("line 7", "line seven");

export const SETTINGS: CaseGroup = {
  title: "Settings",
  cases: [
    worked(
      `settings of how a diff looks (${Object.keys(LOOKS)
        .map((name) => `\`${name}\``)
        .join(", ")})`,
      { quoted: "a\n\n\nb\n", ü: "1\n" },
      (repo) => {
        configure(repo, LOOKS);
        work(repo);
        repo.write("quoted", "a\n\n\nc\n");
        repo.write("ü", "2\n");
      },
      { note: "none of them counts: everybody is shown the same" },
    ),
    worked(
      "`diff.external`, `diff.<driver>.command` and `textconv`",
      { ".gitattributes": "*.txt diff=foo\n" },
      (repo) => {
        configure(repo, { "diff.external": "false", "diff.foo.command": "false", "diff.foo.textconv": "tr a-z A-Z <" });
        work(repo);
      },
      { note: "none of them is run" },
    ),
    withDriver("`diff.<driver>.xfuncname`", {
      "diff.foo.xfuncname": "!^head two\n^(head|more) [a-z]*|^ (more [0-3])",
      "diff.python.xfuncname": "^ (body) [[:digit:]]",
    }),
    withDriver("`diff.<driver>.funcname`", { "diff.foo.funcname": "^\\(head\\|body\\) \\(one\\)\\{0,1\\}" }),
    withDriver("`diff.default.xfuncname`", { "diff.default.xfuncname": "^[ \t]*([a-z]+) [0-9]$" }),
    worked(
      "a pattern that is no regular expression",
      { ".gitattributes": "*.txt diff=foo\n" },
      (repo) => {
        repo.git("config", "diff.foo.xfuncname", "^(head");
        repo.write("a.txt", "changed\n");
      },
      {
        refused: {
          code: "TW_BAD_PATTERN",
          words: "a.txt: its diff driver has a pattern that is no regular expression (diff.foo.xfuncname: unmatched (",
        },
      },
    ),
    worked("`diff.renameLimit`", {}, (repo) => {
      const names = Array.from({ length: 5 }, (_, at) => `s${at}`);
      for (const name of names) repo.write(name, lines(30, name));
      repo.commit();
      for (const name of names) {
        repo.git("mv", name, `moved ${name}`);
        repo.write(`moved ${name}`, `${lines(30, name)}more\n`);
      }
      repo.git("config", "diff.renameLimit", "3");
    }),
    worked("`diff.orderFile`", {}, (repo) => {
      repo.write(".git/order", "# first\nstays\n*sub/c.txt\n\nnew*\ndir\nuntracked\n");
      repo.git("config", "diff.orderFile", ".git/order");
      work(repo);
      repo.write("stays", "changed\n");
      repo.write("same/kept", "changed\n");
    }),
    stored("`core.trustctime`, `core.checkStat`, `core.preloadIndex`, `core.untrackedCache`", (repo) => {
      configure(repo, { "core.trustctime": "false", "core.checkStat": "minimal", "core.preloadIndex": "true" });
      configure(repo, { "core.untrackedCache": "true", "feature.manyFiles": "true", "index.threads": "true" });
    }),
    worked("`include`, and `includeIf` by place, branch and remote", { crlf: CRLF }, (repo) => {
      const part = (name: string, pattern: string): void => {
        repo.write(`.git/${name}`, `[core]\n\texcludesFile = ${repo.root}/.git/${name}.ignore\n`);
        repo.write(`.git/${name}.ignore`, `${pattern}\n`);
      };
      part("never", "*");
      part("always", "*.always");
      repo.write(".git/crlf", "[core]\n\tautocrlf = true\n");
      configure(repo, {
        "include.path": "always",
        "includeIf.gitdir:/nowhere/.path": "never",
        "includeIf.onbranch:other.path": "never",
        "includeIf.onbranch:ma*.path": "crlf",
        "includeIf.hasconfig:remote.*.url:https://none/**.path": "never",
      });
      for (const path of ["a.always", "b.never", "c"]) repo.write(path, "1\r\n");
      repo.write("a.txt", CRLF);
    }),
    {
      name: "the user's settings: what is ignored, and how content is cleaned",
      note: "what they say of a diff's looks does not count",
      userConfig: (t) => {
        const home = tempDir(t);
        writeFileSync(join(home, "ignore"), "*.mine\n");
        writeFileSync(join(home, "attributes"), "*.foo diff=foo\n*.up filter=up\n");
        writeFileSync(
          join(home, "config"),
          `[core]
	autocrlf = input
	excludesFile = ${home}/ignore
	attributesFile = ${home}/attributes
[diff "foo"]
	xfuncname = ^ (body)
[filter "up"]
	clean = tr a-z A-Z
[diff]
	context = 9
	noprefix = true
`,
        );
        return join(home, "config");
      },
      make: (t) => {
        const repo = startRepo(t, { "x.foo": SOURCE, "x.up": "ABC\n" });
        for (const path of ["a.mine", "b"]) repo.write(path, "1\n");
        repo.write("a.txt", CRLF);
        repo.write("x.foo", CHANGED);
        repo.write("x.up", "abc\nxyz\n");
        return repo.root;
      },
    },
  ],
};
