import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRepo, git, TestRepo } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { type CaseGroup, gitFails, lines, startRepo, work, worked } from "./case.js";

export const STRANGE: CaseGroup = {
  title: "Strange names and files",
  cases: [
    worked(
      "names with blanks, quotes, tabs, line feeds and non-ASCII letters",
      { 'q"uote': "1\n", "t\tab": "1\n", "n\nl": "1\n", "ü ö": "1\n", "b\\s": "1\n", "-dash": "1\n" },
      (repo) => {
        for (const path of ['q"uote', "t\tab", "n\nl", "ü ö", "b\\s", "-dash"]) repo.write(path, "2\n");
        for (const path of ['new"q', "new\tt", "new ü", "\x01\x7f"]) repo.write(path, "1\n");
      },
    ),
    worked("tracked names that are not UTF-8", {}, (repo) => {
      const place = Buffer.concat([Buffer.from(`${repo.root}/n`), Buffer.from([0xff, 0xfe]), Buffer.from(".txt")]);
      writeFileSync(place, lines(5));
      repo.commit();
      writeFileSync(place, lines(6));
    }),
    worked("modes: executable, and back", { exec: "1\n", plain: "1\n" }, (repo) => {
      chmodSync(join(repo.root, "exec"), 0o755);
      repo.commit();
      chmodSync(join(repo.root, "exec"), 0o644);
      chmodSync(join(repo.root, "plain"), 0o755);
      repo.write("plain", "2\n");
    }),
    worked("`core.fileMode=false`", { exec: "1\n" }, (repo) => {
      repo.git("config", "core.fileMode", "false");
      chmodSync(join(repo.root, "exec"), 0o755);
      chmodSync(join(repo.root, "a.txt"), 0o755);
      repo.write("a.txt", "2\n");
      repo.write("new", "1\n");
      chmodSync(join(repo.root, "new"), 0o755);
    }),
    worked("`core.symlinks=false`", {}, (repo) => {
      repo.link("link", "a.txt");
      repo.commit();
      repo.git("config", "core.symlinks", "false");
      repo.remove("link");
      repo.write("link", "dir/b.txt");
    }),
    worked("symbolic links: broken, in a loop, to directories", {}, (repo) => {
      repo.link("link", "a.txt");
      repo.commit();
      repo.remove("link");
      repo.link("link", "dir");
      repo.link("loop", "loop");
      repo.link("broken", "nowhere");
      repo.link("up", "..");
    }),
    worked("a file where a directory was, and the other way round", {}, (repo) => {
      repo.remove("dir");
      repo.write("dir", "a file\n");
      repo.remove("stays");
      repo.write("stays/below", "1\n");
    }),
    worked("a link where a file was, and the other way round", { target: "1\n" }, (repo) => {
      repo.link("link", "a.txt");
      repo.commit();
      repo.remove("link");
      repo.write("link", "a file\n");
      repo.remove("target");
      repo.link("target", "a.txt");
    }),
    worked("a repository where a file was, or in a directory of tracked files", { "sub/x": "1\n" }, (repo) => {
      repo.remove("stays");
      createRepo({ teardown: () => undefined }, { inner: "1\n" }, join(repo.root, "stays"));
      createRepo({ teardown: () => undefined }, { inner: "1\n" }, join(repo.root, "sub"));
      repo.write("stays/inner", "2\n");
    }),
    worked("names that differ in case only, with `core.ignoreCase`", { UPPER: "1\n" }, (repo) => {
      repo.git("config", "core.ignoreCase", "true");
      for (const path of ["STAYS", "DIR/b.txt", "DIR/new", "upper"]) repo.write(path, "1\n");
    }),
    worked("a link in place of a directory with tracked files", {}, (repo) => {
      repo.remove("dir");
      repo.link("dir", "same");
    }),
    worked("FIFOs and sockets are left alone", { "dir2/x": "1\n" }, (repo) => {
      for (const name of ["fifo", "dir2/fifo"]) execFileSync("mkfifo", [join(repo.root, name)]);
      const bind = `require("node:net").createServer().listen("socket", () => process.exit())`;
      execFileSync(process.execPath, ["-e", bind], { cwd: repo.root });
    }),
    worked(
      "devices are left alone",
      {},
      (repo) => {
        execFileSync("mknod", [join(repo.root, "null"), "c", "1", "3"]);
        execFileSync("mknod", [join(repo.root, "disk"), "b", "7", "99"]);
      },
      { skip: process.geteuid?.() !== 0 && "only root can make one" },
    ),
    worked(
      "a FIFO in place of a tracked file",
      {},
      (repo) => {
        repo.remove("stays");
        execFileSync("mkfifo", [join(repo.root, "stays")]);
      },
      { refused: { code: "TW_PATH_UNREADABLE", words: "stays: neither a file nor a link" }, note: "git can't, either" },
    ),
    worked(
      "an untracked file of 40 MB",
      {},
      (repo) => {
        repo.write("huge", "");
        truncateSync(join(repo.root, "huge"), 40e6);
      },
      { note: "read piece by piece, for its object id, as one of 5 GB is" },
    ),
    {
      name: "paths that are longer than 4,096 bytes",
      note: "git leaves them out",
      make: (t) => {
        const repo = startRepo(t);
        // Made step by step, and removed by a program that goes step by step: the whole path is too long for one call.
        t.teardown(() => execFileSync("rm", ["-rf", join(repo.root, "deep")]));
        const script = `
          const { mkdirSync, writeFileSync } = require("node:fs");
          for (const name of ["deep", ...Array.from({ length: 20 }, (_, at) => String(at).repeat(120))]) {
            mkdirSync(name);
            process.chdir(name);
            writeFileSync("file", "1");
          }`;
        execFileSync(process.execPath, ["-e", script], { cwd: repo.root });
        return repo.root;
      },
    },
    worked("empty files and directories, no line feed at the end", { empty: "", none: "no line feed" }, (repo) => {
      mkdirSync(join(repo.root, "hollow/deep"), { recursive: true });
      repo.write("empty", "not any more\n");
      repo.write("none", "none either");
      repo.write("new-empty", "");
      repo.write("stays", "");
    }),
    worked("renamed, and changed a little; copied; swapped", {}, (repo) => {
      repo.git("mv", "old name.txt", "dir/moved.txt");
      repo.write("dir/moved.txt", lines(30, "moved").replace("moved 4\n", "moved four\n"));
      repo.write("copy", lines(40));
      repo.git("add", "copy");
    }),
    worked(
      "300 untracked files",
      {},
      (repo) => {
        for (let at = 0; at < 300; at += 1) repo.write(`many/${at % 7}/${at}`, `${at}\n`);
      },
      { note: "with `TREEWIRE_MANY=50000` the tests try 50,000" },
    ),
  ],
};

export const SUBMODULES: CaseGroup = {
  title: "Submodules",
  cases: [
    submodule("unchanged", () => undefined),
    submodule("with changed files: `-dirty`", (inner) => inner.write("file", "changed\n")),
    submodule("with untracked files only: unchanged", (inner) => inner.write("new", "1\n")),
    submodule("with a staged change that the file took back", (inner) => {
      inner.write("file", "changed\n");
      inner.git("add", "file");
      inner.write("file", "inner\n");
    }),
    submodule("at another commit", (inner) => {
      inner.write("file", "changed\n");
      inner.commit();
    }),
    submodule("at another commit, and dirty", (inner) => {
      inner.write("file", "changed\n");
      inner.commit();
      inner.write("file", "again\n");
    }),
    submodule("at another commit that is staged", (inner, outer) => {
      inner.write("file", "changed\n");
      inner.commit();
      outer.git("add", "sub");
    }),
    ...(["all", "dirty", "untracked", "none"] as const).map((level) =>
      submodule(`with \`ignore = ${level}\` in .gitmodules`, (inner, outer) => {
        outer.git("config", "-f", ".gitmodules", "submodule.sub.ignore", level);
        inner.write("new", "1\n");
        if (level === "all" || level === "dirty") inner.write("file", "changed\n");
      }),
    ),
    ...(["all", "dirty", "untracked", "none"] as const).map((level) =>
      submodule(`with \`submodule.<name>.ignore=${level}\``, (inner, outer) => {
        outer.git("config", "submodule.sub.ignore", level);
        outer.git("config", "-f", ".gitmodules", "submodule.sub.ignore", level === "all" ? "none" : "all");
        inner.write("new", "1\n");
        if (level === "untracked" || level === "all") inner.write("file", "changed\n");
      }),
    ),
    submodule("with `diff.ignoreSubmodules=dirty`, at another commit", (inner, outer) => {
      outer.git("config", "diff.ignoreSubmodules", "dirty");
      inner.write("file", "changed\n");
      inner.commit();
      inner.write("file", "again\n");
    }),
    submodule("with its git directory in it, as of old", (inner, outer) => {
      const gitDir = join(inner.root, ".git");
      rmSync(gitDir);
      renameSync(join(outer.root, ".git/modules/sub"), gitDir);
      git(outer.root, "config", "-f", "sub/.git/config", "--unset", "core.worktree");
      inner.write("file", "changed\n");
    }),
    submodule("moved", (inner, outer) => {
      inner.write("file", "changed\n");
      outer.git("mv", "sub", "dir/moved");
    }),
    submodule("in a linked worktree", (_inner, outer) => {
      const root = join(outer.root, "linked");
      outer.git("worktree", "add", "-q", root);
      git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init");
      new TestRepo(join(root, "sub")).write("file", "changed\n");
      return root;
    }),
    submodule("in conflict", (inner, outer) => {
      const at = (branch: string, text: string): void => {
        outer.git("checkout", "-q", "-B", branch, "start");
        inner.git("checkout", "-q", "-B", branch, "start");
        inner.write("file", text);
        inner.commit();
        outer.commit(branch);
      };
      for (const repo of [inner, outer]) repo.git("branch", "start");
      at("one", "1\n");
      at("other", "2\n");
      gitFails(outer, "merge", "one");
    }),
    submodule("with `diff.ignoreSubmodules=all`", (inner, outer) => {
      outer.git("config", "diff.ignoreSubmodules", "all");
      inner.write("file", "changed\n");
    }),
    submodule("not checked out", (_inner, outer) => void outer.git("submodule", "--quiet", "deinit", "-f", "sub")),
    submodule("deleted", (_inner, outer) => outer.remove("sub")),
    submodule("replaced by a file", (_inner, outer) => {
      outer.remove("sub");
      outer.write("sub", "a file\n");
    }),
    submodule("removed from the index", (_inner, outer) => void outer.git("rm", "-q", "--cached", "sub")),
    submodule("as a tree of its own", (inner) => {
      inner.write("file", "changed\n");
      return inner.root;
    }),
    {
      name: "that is new",
      make: (t) => {
        const outer = startRepo(t);
        addSubmodule(t, outer);
        work(outer);
        return outer.root;
      },
    },
    {
      name: "in a submodule, dirty",
      make: (t) => {
        const outer = startRepo(t);
        const inner = addSubmodule(t, outer);
        const innermost = addSubmodule(t, inner);
        inner.commit();
        outer.commit();
        innermost.write("file", "changed\n");
        return outer.root;
      },
    },
  ],
};

function submodule(name: string, change: (inner: TestRepo, outer: TestRepo) => unknown): CaseGroup["cases"][number] {
  const make = (t: Cleanup): string => {
    const outer = startRepo(t);
    const inner = addSubmodule(t, outer);
    outer.commit();
    const path = change(inner, outer);
    return typeof path === "string" ? path : outer.root;
  };
  return { name, make };
}

function addSubmodule(t: Cleanup, outer: TestRepo): TestRepo {
  const source = createRepo(t, { file: "inner\n" }, tempDir(t));
  git(outer.root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", source.root, "sub");
  return new TestRepo(join(outer.root, "sub"));
}
