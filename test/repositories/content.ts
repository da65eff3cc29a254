import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../support/temp.js";
import { type CaseGroup, lines, startRepo, work, worked } from "./case.js";

const CRLF = lines(20).replaceAll("\n", "\r\n");
const MIXED = CRLF.replace("line 3\r\n", "line 3\n");

const BIG = lines(400);
/** So large that it is read piece by piece; its NUL is where nobody looks. */
const NO_NUL_EARLY = `${"x".repeat(9 * 2 ** 20)}\n\0\n`;
const BIG_FILES = {
  ...Object.fromEntries(
    ["x", "y"].flatMap((name) =>
      "same crlf diff py up".split(" ").map((end) => [`${name}.${end}`, `${BIG}${name}.${end}\n`]),
    ),
  ),
  "small.crlf": "1\n",
  "same.mode": BIG,
};

const LINE_END_ATTRIBUTES = [
  "text",
  "text=auto",
  "-text",
  "eol=crlf",
  "eol=lf",
  "text=auto eol=crlf",
  "text=auto eol=lf",
  "text eol=crlf",
  "crlf=input",
  "",
];

export const IGNORED: CaseGroup = {
  title: "What is ignored",
  cases: [
    worked(
      "`.gitignore` in several directories, with negation",
      { ".gitignore": "*.log\n/out/\n!keep.log\n", "dir/.gitignore": "!*.log\nsub/*\n!sub/x\n" },
      (repo) => {
        for (const path of ["x.log", "keep.log", "out/a", "out/keep.log", "dir/y.log", "dir/sub/new", "dir/sub/x"]) {
          repo.write(path, "1\n");
        }
      },
    ),
    worked("nothing comes back below an ignored directory", { ".gitignore": "out/\n!out/keep\n" }, (repo) => {
      repo.write("out/keep", "1\n");
      repo.write("deep/out/keep", "1\n");
    }),
    worked(
      "trailing blanks, escapes, classes, `**`",
      { ".gitignore": "a  \nb\\ \n\\#c\n\\!d\n**/e\nf/**\ng/**/h\n[i-k]?\n" },
      (repo) => {
        for (const path of ["a", "b ", "#c", "!d", "x/y/e", "f/z", "g/h", "g/1/2/h", "j1", "l1", "c"])
          repo.write(path, "1\n");
      },
    ),
    worked("`info/exclude` and `core.excludesFile`", {}, (repo) => {
      repo.write(".git/info/exclude", "*.local\n!yes.mine\n");
      repo.write(".git/mine", "*.mine\n");
      repo.git("config", "core.excludesFile", ".git/mine");
      for (const path of ["a.local", "b.mine", "yes.mine", "c"]) repo.write(path, "1\n");
    }),
    worked("tracked files in ignored directories", { ".gitignore": "" }, (repo) => {
      repo.write(".gitignore", "dir/\na.txt\n");
      repo.write("dir/b.txt", "changed\n");
      repo.write("a.txt", "changed\n");
      repo.remove("dir/sub/c.txt");
      repo.write("dir/untracked", "1\n");
    }),
    worked("`core.ignoreCase`", { ".gitignore": "*.LOG\nReadme\n" }, (repo) => {
      repo.git("config", "core.ignoreCase", "true");
      for (const path of ["a.log", "b.LOG", "README", "c"]) repo.write(path, "1\n");
    }),
    worked("a `.gitignore` that is a symbolic link is not read", {}, (repo) => {
      repo.write("rules", "*.log\n");
      repo.link(".gitignore", "rules");
      repo.write("a.log", "1\n");
    }),
    worked("a sparse checkout without its `.gitignore`", { "same/.gitignore": "*.log\n" }, (repo) => {
      repo.git("sparse-checkout", "set", "--cone", "dir");
      repo.write("same/a.log", "1\n");
      repo.write("same/a.txt", "1\n");
    }),
  ],
};

export const CONTENT: CaseGroup = {
  title: "Content, attributes and filters",
  cases: [
    ...[undefined, "true", "input", "false"].flatMap((autocrlf) =>
      [undefined, "lf", "crlf", "native"].map((eol) => lineEnds(autocrlf, eol)),
    ),
    worked(
      "`text`, `eol` and `-text`",
      {
        ".gitattributes": "*.t text\n*.c eol=crlf\n*.l eol=lf\n*.b -text\n*.a text=auto\n",
        "x.t": lines(9),
        "x.c": lines(9),
        "x.l": lines(9),
        "x.b": lines(9),
        "x.a": lines(9),
      },
      (repo) => {
        for (const end of ["t", "c", "l", "b", "a"]) {
          repo.write(`x.${end}`, CRLF);
          repo.write(`new.${end}`, MIXED);
        }
      },
    ),
    worked("`ident`", { ".gitattributes": "*.c ident\n", "x.c": "/* $Id$ */\nint x;\n" }, (repo) => {
      repo.write("x.c", "/* $Id: 0123456789 $ */\nint y;\n");
      repo.write("new.c", "/* $Id: abc $ */\n");
    }),
    worked("`working-tree-encoding`", { ".gitattributes": "*.u16 text working-tree-encoding=UTF-16\n" }, (repo) => {
      repo.write("x.u16", Buffer.from(`\ufeff${lines(20, "größe")}`, "utf16le"));
      repo.git("add", "x.u16");
      repo.commit();
      repo.write("x.u16", Buffer.from(`\ufeff${lines(20, "größe").replace("größe 3", "Größe 3")}`, "utf16le"));
    }),
    worked(
      "`working-tree-encoding` with any name that the C library knows",
      {
        ".gitattributes": [
          "*.sjis text working-tree-encoding=SHIFT-JIS",
          "*.cp932 text working-tree-encoding=CP932",
          "*.jis text working-tree-encoding=ISO-2022-JP",
          "*.uhc text working-tree-encoding=UHC",
          "*.hk text working-tree-encoding=BIG5-HKSCS\n",
        ].join("\n"),
      },
      (repo) => {
        repo.git("config", "core.checkRoundtripEncoding", "SHIFT-JIS, CP932");
        // 0x5c and 0x7e, and the characters for which tables differ
        const contents: Record<string, Buffer> = {
          sjis: Buffer.from("\x82\xa0\\~\x81\x5f\n\x93\xfa\n", "latin1"),
          cp932: Buffer.from("\x82\xa0\\~\x81\x60\n\x93\xfa\n", "latin1"),
          jis: Buffer.from('\x1b$B$"F|\x1b(B\n\x1b$BK\\\x1b(B\n', "latin1"),
          uhc: Buffer.from("\x8c\x63\n\xb0\xa1\n", "latin1"),
          hk: Buffer.from("\x88\x62\n\xa4\x40\n", "latin1"),
        };
        for (const [end, content] of Object.entries(contents)) repo.write(`x.${end}`, content);
        repo.commit();
        for (const [end, content] of Object.entries(contents)) {
          repo.write(`x.${end}`, Buffer.concat([content, content]));
        }
      },
    ),
    worked(
      "`-diff`, `diff`, `binary`, `diff=<driver>` and macros",
      {
        ".gitattributes": "[attr]blob -diff\n*.no -diff\n*.yes diff\n*.bin binary\n*.py diff=python\n*.blob blob\n",
        "x.no": lines(20),
        "x.yes": "a\0b\n",
        "x.bin": lines(20),
        "x.blob": lines(20),
        "x.nul": "a\0b\n",
        "x.py": `class A:\n    def f(self):\n${lines(12, "        x")}`,
      },
      (repo) => {
        for (const end of ["no", "bin", "blob"]) repo.write(`x.${end}`, lines(20).replace("line 3", "line three"));
        repo.write("x.yes", "a\0c\n");
        repo.write("x.nul", "a\0c\n");
        repo.write("x.py", `class A:\n    def f(self):\n${lines(12, "        x").replace("x 9", "y 9")}`);
      },
    ),
    worked(
      "`diff.<driver>.binary`",
      { ".gitattributes": "*.b diff=bin\n*.t diff=txt\n", "x.b": "1\n", "x.t": "\0\n" },
      (repo) => {
        repo.git("config", "diff.bin.binary", "true");
        repo.git("config", "diff.txt.binary", "false");
        repo.write("x.b", "2\n");
        repo.write("x.t", "\0x\n");
      },
    ),
    worked("`info/attributes` and `core.attributesFile`", {}, (repo) => {
      repo.write(".git/info/attributes", "a.txt -diff\n");
      repo.write(".git/mine", "* -diff\ndir/** diff\n");
      repo.git("config", "core.attributesFile", ".git/mine");
      work(repo);
    }),
    worked("a deleted `.gitattributes` counts as it is in the index", { ".gitattributes": "*.txt -diff\n" }, (repo) => {
      repo.remove(".gitattributes");
      repo.write("a.txt", "changed\n");
    }),
    worked("a filter's `clean` command", { ".gitattributes": "*.up filter=up\n", "x.up": "ABC\nDEF\n" }, (repo) => {
      repo.git("config", "filter.up.clean", "tr a-z A-Z");
      repo.write("x.up", "abc\nxyz\n");
      repo.write("new.up", "abc\n");
    }),
    worked("a filter that nobody configured", { ".gitattributes": "* filter=unknown\n" }, work),
    worked(
      "a required filter that fails",
      { ".gitattributes": "*.x filter=broken\n", "f.x": "1\n" },
      (repo) => {
        repo.git("config", "filter.broken.clean", "exit 3");
        repo.git("config", "filter.broken.required", "true");
        repo.write("f.x", "2\n");
      },
      { refused: { code: "TW_FILTER_FAILED", words: 'filter "broken": exit status 3' } },
    ),
    {
      name: "Git LFS, without git-lfs installed",
      make: (t) => {
        const repo = startRepo(t, { ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n" });
        // What git runs: the pointer by other means than ours.
        const program = join(tempDir(t), "lfs-clean");
        writeFileSync(program, LFS_CLEAN);
        chmodSync(program, 0o755);
        repo.git("config", "alias.lfs", `!${program}`);
        repo.git("config", "filter.lfs.clean", "git lfs clean -- %f");
        repo.git("config", "filter.lfs.required", "true");
        repo.write("x.bin", lines(5000));
        repo.commit();
        repo.write("x.bin", lines(6000));
        repo.write("new.bin", lines(10));
        return repo.root;
      },
    },
    worked("files over `core.bigFileThreshold`", { big: lines(400) }, (repo) => {
      repo.git("config", "core.bigFileThreshold", "1k");
      repo.write("big", lines(400).replace("line 3\n", ""));
      repo.write("new", lines(500));
      repo.write("a.txt", lines(41));
    }),
    worked("files over `core.bigFileThreshold` that git has read before it asks", BIG_FILES, (repo) => {
      repo.git("config", "core.bigFileThreshold", "1k");
      repo.git("config", "filter.up.clean", "head -c 30");
      repo.write(".gitattributes", "*.crlf text\n*.diff diff\n*.py diff=python\n*.up filter=up\n");
      for (const end of ["same", "crlf", "diff", "py", "up"])
        repo.write(`x.${end}`, `${BIG}x.${end}\n`.replace("line 7", "LINE 7"));
      for (const end of ["crlf", "diff", "py", "up"]) repo.write(`y.${end}`, BIG.replace("line 7\n", ""));
      for (const end of ["crlf", "diff", "py", "up"]) repo.write(`new.${end}`, BIG);
      repo.write("small.crlf", BIG);
      repo.write("same.mode", BIG.replace("line 7", "LINE 7"));
      chmodSync(join(repo.root, "same.mode"), 0o755);
    }),
    worked("files over `core.bigFileThreshold` that were renamed, or not", BIG_FILES, (repo) => {
      repo.git("config", "core.bigFileThreshold", "1k");
      repo.git("mv", "x.same", "moved");
      repo.git("mv", "x.py", "moved and changed");
      repo.write("moved and changed", BIG.replace("line 7\n", ""));
      repo.remove("x.up");
      repo.write("unlike", lines(500, "unlike"));
      repo.write("far too large", lines(5000, "large"));
      repo.git("add", "-A");
    }),
    worked(
      "binary files, renamed and changed",
      { ".gitattributes": "*.bin binary\n", "x.bin": BIG, y: `\0${BIG}` },
      (repo) => {
        repo.git("mv", "x.bin", "moved.bin");
        repo.git("mv", "y", "moved");
        repo.write("moved.bin", BIG.replace("line 7", "LINE 7"));
        repo.write("moved", `\0${BIG.replace("line 7", "LINE 7")}`);
        repo.git("add", "-A");
      },
    ),
    worked(
      "large files, binary by their first bytes or not",
      { late: NO_NUL_EARLY, early: `\0${NO_NUL_EARLY}` },
      (repo) => {
        repo.write("late", `${NO_NUL_EARLY}more\n`);
        repo.write("early", `\0${NO_NUL_EARLY}more\n`);
        repo.write(".gitattributes", "*.text diff\n*.crlf text\n");
        for (const end of ["", ".text", ".crlf"]) repo.write(`new${end}`, `\0${NO_NUL_EARLY}`);
      },
    ),
    worked("a file that shrank below `core.bigFileThreshold`", { big: lines(400) }, (repo) => {
      repo.git("config", "core.bigFileThreshold", "1k");
      repo.write("big", lines(4));
    }),
  ],
};

/** Files of either kind of line ends, under every attribute; all changed, some to the other kind or to both. */
function lineEnds(autocrlf: string | undefined, eol: string | undefined): CaseGroup["cases"][number] {
  const settings = { "core.autocrlf": autocrlf, "core.eol": eol };
  const named = Object.entries(settings).filter(([, value]) => value !== undefined);
  const contents: Readonly<Record<string, string>> = { crlf: CRLF, lf: lines(20), mixed: MIXED, nul: `${CRLF}\0` };
  const paths = LINE_END_ATTRIBUTES.flatMap((_, at) => Object.keys(contents).map((kind) => `${at}/${kind}`));
  const files = paths.map((path): [string, string] => [path, contents[path.slice(2)] ?? ""]);
  return worked(
    `line ends: ${named.length === 0 ? "no setting" : named.map(([name, value]) => `\`${name}=${value}\``).join(", ")}`,
    Object.fromEntries(files),
    (repo) => {
      repo.write(".gitattributes", LINE_END_ATTRIBUTES.map((attributes, at) => `/${at}/* ${attributes}\n`).join(""));
      for (const [name, value] of named) repo.git("config", name, value ?? "");
      repo.git("config", "core.safecrlf", "true");
      for (const [at, [path, content]] of files.entries()) {
        const changed = content.replace("line 4", "line four");
        const other = changed.includes("\r") ? changed.replaceAll("\r", "") : changed.replaceAll("\n", "\r\n");
        repo.write(path, at % 3 === 0 ? other : changed);
      }
      repo.write("1/new", MIXED);
      repo.write("stays", "stays\r\n");
    },
  );
}

const LFS_CLEAN = `#!/bin/sh
tmp=$(mktemp)
cat > "$tmp"
printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %s\\n' \\
  "$(sha256sum < "$tmp" | cut -d' ' -f1)" "$(wc -c < "$tmp" | tr -d ' ')"
rm "$tmp"
`;
